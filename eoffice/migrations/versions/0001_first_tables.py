"""The first tables, and the guards that keep the ledger append-only."""

# ruff: noqa: E501
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from eoffice.core import db

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("ledger_entry", "file", "access_entry", "delivery_event", "document_file", "draft_version", "approval")


def upgrade() -> None:
    op.create_table('access_entry',
        sa.Column('chain', sa.Uuid(), nullable=False),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=True),
        sa.Column('person_id', sa.Uuid(), nullable=True),
        sa.Column('actor', db.Words(), nullable=False),
        sa.Column('action', sa.String(length=40), nullable=False),
        sa.Column('object_id', sa.Uuid(), nullable=True),
        sa.Column('detail', db.Words(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_access_entry'))
    )
    op.create_index('ix_access_entry_object', 'access_entry', ['chain', 'object_id', 'at'], unique=False)
    op.create_table('agency',
        sa.Column('slug', sa.String(length=40), nullable=False),
        sa.Column('name', db.Words(), nullable=False),
        sa.Column('short_name', db.Words(), nullable=False),
        sa.Column('abbreviation', db.Words(), nullable=False),
        sa.Column('folded_name', db.Words(), nullable=False),
        sa.Column('folded_short_name', db.Words(), nullable=False),
        sa.Column('superior_name', db.Words(), nullable=False),
        sa.Column('parent_id', sa.Uuid(), nullable=True),
        sa.Column('successor_id', sa.Uuid(), nullable=True),
        sa.Column('level', sa.String(length=40), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('place', db.Words(), nullable=False),
        sa.Column('contact', db.Words(), nullable=False),
        sa.Column('hosted', sa.Boolean(), nullable=False),
        sa.Column('exchange_mode', sa.String(length=40), nullable=False),
        sa.Column('valid_from', sa.Date(), nullable=False),
        sa.Column('valid_to', sa.Date(), nullable=True),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("exchange_mode IN ('local', 'paper')", name=op.f('ck_agency_exchange_mode')),
        sa.CheckConstraint("level IN ('central', 'province', 'department', 'commune', 'other')", name=op.f('ck_agency_level')),
        sa.ForeignKeyConstraint(['parent_id'], ['agency.id'], name=op.f('fk_agency_parent_id')),
        sa.ForeignKeyConstraint(['successor_id'], ['agency.id'], name=op.f('fk_agency_successor_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_agency')),
        sa.UniqueConstraint('slug', name=op.f('uq_agency_slug'))
    )
    op.create_index('ix_agency_folded_name', 'agency', ['folded_name'], unique=False)
    op.create_index('ix_agency_folded_short_name', 'agency', ['folded_short_name'], unique=False)
    op.create_table('call',
        sa.Column('chain', sa.Uuid(), nullable=False),
        sa.Column('key', sa.String(length=200), nullable=False),
        sa.Column('verb', sa.String(length=60), nullable=False),
        sa.Column('arguments', sa.String(length=64), nullable=False),
        sa.Column('answer', db.Json(), nullable=True),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_call')),
        sa.UniqueConstraint('chain', 'key', 'verb', name=op.f('uq_call_chain_key_verb'))
    )
    op.create_table('failed_sign_in',
        sa.Column('login', sa.String(length=64), nullable=False),
        sa.Column('address', sa.String(length=64), nullable=False),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_failed_sign_in'))
    )
    op.create_index('ix_failed_sign_in_login', 'failed_sign_in', ['login', 'at'], unique=False)
    op.create_table('file',
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('size', sa.Integer(), nullable=False),
        sa.Column('media', sa.String(length=120), nullable=False),
        sa.Column('pages', sa.Integer(), nullable=True),
        sa.Column('created_at', db.UtcDateTime(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_file')),
        sa.UniqueConstraint('sha256', name=op.f('uq_file_sha256'))
    )
    op.create_table('file_verdict',
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('policy', sa.String(length=120), nullable=False),
        sa.Column('verdict', sa.String(length=40), nullable=False),
        sa.Column('report', db.Json(), nullable=False),
        sa.Column('checked_at', db.UtcDateTime(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("verdict IN ('PASSED', 'WARNED', 'FAILED', 'UNSIGNED', 'UNREADABLE')", name=op.f('ck_file_verdict_verdict')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_file_verdict')),
        sa.UniqueConstraint('sha256', 'policy', name=op.f('uq_file_verdict_sha256_policy'))
    )
    op.create_table('job',
        sa.Column('name', sa.String(length=60), nullable=False),
        sa.Column('key', sa.String(length=200), nullable=False),
        sa.Column('payload', db.Json(), nullable=False),
        sa.Column('for_agency_id', sa.Uuid(), nullable=False),
        sa.Column('cause', sa.String(length=120), nullable=False),
        sa.Column('part', sa.String(length=120), nullable=False),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('run_at', db.UtcDateTime(), nullable=False),
        sa.Column('queued_at', db.UtcDateTime(), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('owner', sa.String(length=80), nullable=True),
        sa.Column('lease_until', db.UtcDateTime(), nullable=True),
        sa.Column('error', db.Words(), nullable=False),
        sa.Column('done_at', db.UtcDateTime(), nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name=op.f('ck_job_state')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_job')),
        sa.UniqueConstraint('key', name=op.f('uq_job_key'))
    )
    op.create_index('ix_job_part', 'job', ['part', 'queued_at'], unique=False, sqlite_where=sa.text("part <> '' AND state IN ('waiting', 'running')"), postgresql_where=sa.text("part <> '' AND state IN ('waiting', 'running')"))
    op.create_index('ix_job_running', 'job', ['lease_until'], unique=False, sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))
    op.create_index('ix_job_waiting', 'job', ['run_at', 'id'], unique=False, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))
    op.create_table('ledger_entry',
        sa.Column('chain', sa.Uuid(), nullable=False),
        sa.Column('seq', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('word', sa.String(length=60), nullable=False),
        sa.Column('object_id', sa.Uuid(), nullable=True),
        sa.Column('body', sa.LargeBinary(), nullable=False),
        sa.Column('previous', sa.String(length=64), nullable=False),
        sa.Column('hash', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('chain', 'seq', name=op.f('pk_ledger_entry'))
    )
    op.create_index('ix_ledger_entry_object', 'ledger_entry', ['chain', 'object_id', 'seq'], unique=False)
    op.create_index('ix_ledger_entry_word', 'ledger_entry', ['chain', 'word', 'seq'], unique=False)
    op.create_table('ledger_head',
        sa.Column('chain', sa.Uuid(), nullable=False),
        sa.Column('seq', sa.Integer(), nullable=False),
        sa.Column('hash', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('chain', name=op.f('pk_ledger_head'))
    )
    op.create_table('person',
        sa.Column('full_name', db.Words(), nullable=False),
        sa.Column('honorific', db.Words(), nullable=False),
        sa.Column('login', sa.String(length=64), nullable=False),
        sa.Column('password_hash', db.Words(), nullable=False),
        sa.Column('locale', sa.String(length=5), nullable=False),
        sa.Column('active', sa.Boolean(), nullable=False),
        sa.Column('generation', sa.Integer(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_person')),
        sa.UniqueConstraint('login', name=op.f('uq_person_login'))
    )
    op.create_table('setting',
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('value', db.Words(), nullable=False),
        sa.Column('source', db.Words(), nullable=False),
        sa.Column('valid_from', sa.Date(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_setting')),
        sa.UniqueConstraint('name', 'valid_from', name=op.f('uq_setting_name_valid_from'))
    )
    op.create_table('agency_identifier',
        sa.Column('subject_id', sa.Uuid(), nullable=False),
        sa.Column('scheme', sa.String(length=40), nullable=False),
        sa.Column('value', sa.String(length=64), nullable=False),
        sa.Column('valid_from', sa.Date(), nullable=False),
        sa.Column('valid_to', sa.Date(), nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['subject_id'], ['agency.id'], name=op.f('fk_agency_identifier_subject_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_agency_identifier')),
        sa.UniqueConstraint('scheme', 'value', 'valid_from', name=op.f('uq_agency_identifier_scheme_value_valid_from'))
    )
    op.create_index('ix_agency_identifier_subject', 'agency_identifier', ['subject_id'], unique=False)
    op.create_table('calendar_day',
        sa.Column('for_agency_id', sa.Uuid(), nullable=True),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('name_vi', db.Words(), nullable=False),
        sa.Column('name_en', db.Words(), nullable=False),
        sa.Column('basis', db.Words(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('holiday', 'make_up')", name=op.f('ck_calendar_day_kind')),
        sa.ForeignKeyConstraint(['for_agency_id'], ['agency.id'], name=op.f('fk_calendar_day_for_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_calendar_day')),
        sa.UniqueConstraint('for_agency_id', 'day', name=op.f('uq_calendar_day_for_agency_id_day'))
    )
    op.create_table('fact',
        sa.Column('measure', sa.String(length=40), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('bucket', sa.String(length=40), nullable=False),
        sa.Column('value', sa.Integer(), nullable=False),
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('subject_id', sa.Uuid(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_fact_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_fact')),
        sa.UniqueConstraint('measure', 'subject_id', name=op.f('uq_fact_measure_subject_id'))
    )
    op.create_index('ix_fact_measure', 'fact', ['agency_id', 'measure', 'day'], unique=False)
    op.create_table('number_counter',
        sa.Column('series', sa.String(length=120), nullable=False),
        sa.Column('value', sa.Integer(), nullable=False),
        sa.Column('last_date', sa.Date(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_number_counter_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_number_counter')),
        sa.UniqueConstraint('agency_id', 'series', name=op.f('uq_number_counter_agency_id_series'))
    )
    op.create_table('recipient_group',
        sa.Column('name', db.Words(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_recipient_group_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_recipient_group')),
        sa.UniqueConstraint('agency_id', 'id', name=op.f('uq_recipient_group_agency_id_id')),
        sa.UniqueConstraint('agency_id', 'name', name=op.f('uq_recipient_group_agency_id_name'))
    )
    op.create_table('rollup',
        sa.Column('measure', sa.String(length=40), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('bucket', sa.String(length=40), nullable=False),
        sa.Column('value', sa.Integer(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_rollup_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_rollup')),
        sa.UniqueConstraint('agency_id', 'measure', 'day', 'bucket', 'value', name=op.f('uq_rollup_agency_id_measure_day_bucket_value'))
    )
    op.create_table('unit',
        sa.Column('name', db.Words(), nullable=False),
        sa.Column('abbreviation', db.Words(), nullable=False),
        sa.Column('parent_id', sa.Uuid(), nullable=True),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id', 'parent_id'], ['unit.agency_id', 'unit.id'], name=op.f('fk_unit_agency_id_parent_id')),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_unit_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_unit')),
        sa.UniqueConstraint('agency_id', 'abbreviation', name=op.f('uq_unit_agency_id_abbreviation')),
        sa.UniqueConstraint('agency_id', 'id', name=op.f('uq_unit_agency_id_id'))
    )
    op.create_table('post',
        sa.Column('unit_id', sa.Uuid(), nullable=True),
        sa.Column('person_id', sa.Uuid(), nullable=False),
        sa.Column('title', db.Words(), nullable=False),
        sa.Column('rank', sa.Integer(), nullable=False),
        sa.Column('valid_from', sa.Date(), nullable=False),
        sa.Column('valid_to', sa.Date(), nullable=True),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id', 'unit_id'], ['unit.agency_id', 'unit.id'], name=op.f('fk_post_agency_id_unit_id')),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_post_agency_id')),
        sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_post_person_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_post')),
        sa.UniqueConstraint('agency_id', 'id', name=op.f('uq_post_agency_id_id'))
    )
    op.create_index('ix_post_person', 'post', ['person_id'], unique=False)
    op.create_table('recipient_group_member',
        sa.Column('group_id', sa.Uuid(), nullable=False),
        sa.Column('member_id', sa.Uuid(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id', 'group_id'], ['recipient_group.agency_id', 'recipient_group.id'], name=op.f('fk_recipient_group_member_agency_id_group_id')),
        sa.ForeignKeyConstraint(['member_id'], ['agency.id'], name=op.f('fk_recipient_group_member_member_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_recipient_group_member')),
        sa.UniqueConstraint('group_id', 'member_id', name=op.f('uq_recipient_group_member_group_id_member_id'))
    )
    op.create_table('certificate',
        sa.Column('purpose', sa.String(length=40), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=True),
        sa.Column('custodian_post_id', sa.Uuid(), nullable=True),
        sa.Column('key_name', sa.String(length=80), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('der', sa.LargeBinary(), nullable=False),
        sa.Column('chain', db.Json(), nullable=False),
        sa.Column('subject', db.Words(), nullable=False),
        sa.Column('valid_from', db.UtcDateTime(), nullable=False),
        sa.Column('valid_to', db.UtcDateTime(), nullable=False),
        sa.Column('status', sa.String(length=40), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("(purpose = 'leader') = (post_id IS NOT NULL)", name=op.f('ck_certificate_leader_has_post')),
        sa.CheckConstraint("(purpose = 'seal') = (custodian_post_id IS NOT NULL)", name=op.f('ck_certificate_seal_has_custodian')),
        sa.CheckConstraint("purpose IN ('leader', 'seal', 'exchange')", name=op.f('ck_certificate_purpose')),
        sa.CheckConstraint("status IN ('active', 'revoked', 'replaced')", name=op.f('ck_certificate_status')),
        sa.ForeignKeyConstraint(['agency_id', 'custodian_post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_certificate_agency_id_custodian_post_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_certificate_agency_id_post_id')),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_certificate_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_certificate')),
        sa.UniqueConstraint('sha256', name=op.f('uq_certificate_sha256'))
    )
    op.create_table('document',
        sa.Column('direction', sa.String(length=40), nullable=False),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('number', sa.Integer(), nullable=True),
        sa.Column('symbol', db.Words(), nullable=False),
        sa.Column('code', db.Words(), nullable=False),
        sa.Column('issued_date', sa.Date(), nullable=True),
        sa.Column('issuer_id', sa.Uuid(), nullable=True),
        sa.Column('issuer_name', db.Words(), nullable=False),
        sa.Column('issuer_identifier', db.Words(), nullable=False),
        sa.Column('subject', db.Words(), nullable=False),
        sa.Column('folded', db.Words(), nullable=False),
        sa.Column('language', sa.String(length=5), nullable=False),
        sa.Column('page_count', sa.Integer(), nullable=False),
        sa.Column('urgency', sa.String(length=40), nullable=False),
        sa.Column('circulation', sa.String(length=40), nullable=False),
        sa.Column('signer_name', db.Words(), nullable=False),
        sa.Column('signer_title', db.Words(), nullable=False),
        sa.Column('capacity', db.Words(), nullable=False),
        sa.Column('created_at', db.UtcDateTime(), nullable=False),
        sa.Column('due_at', db.UtcDateTime(), nullable=True),
        sa.Column('provenance', sa.String(length=40), nullable=False),
        sa.Column('channel', sa.String(length=40), nullable=True),
        sa.Column('arrived_at', db.UtcDateTime(), nullable=True),
        sa.Column('book_year', sa.Integer(), nullable=True),
        sa.Column('arrival_number', sa.Integer(), nullable=True),
        sa.Column('registered_at', db.UtcDateTime(), nullable=True),
        sa.Column('submitted_at', db.UtcDateTime(), nullable=True),
        sa.Column('assigned_at', db.UtcDateTime(), nullable=True),
        sa.Column('started_at', db.UtcDateTime(), nullable=True),
        sa.Column('done_at', db.UtcDateTime(), nullable=True),
        sa.Column('done_note', db.Words(), nullable=False),
        sa.Column('refusal', db.Words(), nullable=False),
        sa.Column('verdict', sa.String(length=40), nullable=True),
        sa.Column('active_content', sa.Boolean(), nullable=False),
        sa.Column('same_bytes_id', sa.Uuid(), nullable=True),
        sa.Column('same_code_id', sa.Uuid(), nullable=True),
        sa.Column('message_id', sa.Uuid(), nullable=True),
        sa.Column('reply_to_id', sa.Uuid(), nullable=True),
        sa.Column('drafter_post_id', sa.Uuid(), nullable=True),
        sa.Column('unit_id', sa.Uuid(), nullable=True),
        sa.Column('signer_post_id', sa.Uuid(), nullable=True),
        sa.Column('signed_at', db.UtcDateTime(), nullable=True),
        sa.Column('numbered_at', db.UtcDateTime(), nullable=True),
        sa.Column('sealed_at', db.UtcDateTime(), nullable=True),
        sa.Column('issued_at', db.UtcDateTime(), nullable=True),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("direction = 'outgoing' OR numbered_at IS NULL", name=op.f('ck_document_only_outgoing_numbered')),
        sa.CheckConstraint("direction IN ('incoming', 'outgoing')", name=op.f('ck_document_direction')),
        sa.CheckConstraint("provenance IN ('work', 'generated', 'imported')", name=op.f('ck_document_provenance')),
        sa.CheckConstraint("state IN ('arrived', 'refused', 'registered', 'submitted', 'assigned', 'in_progress', 'done', 'cancelled_by_recall', 'filed', 'draft', 'in_review', 'content_ok', 'format_ok', 'signed', 'numbered', 'sealed', 'issued', 'recalling', 'recalled', 'replaced', 'withdrawn', 'void')", name=op.f('ck_document_state')),
        sa.CheckConstraint("urgency IN ('normal', 'urgent', 'very_urgent', 'express')", name=op.f('ck_document_urgency')),
        sa.CheckConstraint('(arrival_number IS NULL) = (registered_at IS NULL)', name=op.f('ck_document_registered_has_number')),
        sa.ForeignKeyConstraint(['agency_id', 'drafter_post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_document_agency_id_drafter_post_id')),
        sa.ForeignKeyConstraint(['agency_id', 'reply_to_id'], ['document.agency_id', 'document.id'], name=op.f('fk_document_agency_id_reply_to_id')),
        sa.ForeignKeyConstraint(['agency_id', 'signer_post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_document_agency_id_signer_post_id')),
        sa.ForeignKeyConstraint(['agency_id', 'unit_id'], ['unit.agency_id', 'unit.id'], name=op.f('fk_document_agency_id_unit_id')),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_document_agency_id')),
        sa.ForeignKeyConstraint(['issuer_id'], ['agency.id'], name=op.f('fk_document_issuer_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_document')),
        sa.UniqueConstraint('agency_id', 'id', name=op.f('uq_document_agency_id_id'))
    )
    op.create_index('ix_document_code', 'document', ['agency_id', 'code', 'issuer_name'], unique=False)
    op.create_index('ix_document_list', 'document', ['agency_id', 'direction', 'created_at', 'id'], unique=False)
    op.create_index('ix_document_list_state', 'document', ['agency_id', 'direction', 'state', 'created_at', 'id'], unique=False)
    op.create_index('ix_document_open_due', 'document', ['agency_id', 'due_at'], unique=False, sqlite_where=sa.text("direction = 'incoming' AND state IN ('arrived', 'registered', 'submitted', 'assigned', 'in_progress')"), postgresql_where=sa.text("direction = 'incoming' AND state IN ('arrived', 'registered', 'submitted', 'assigned', 'in_progress')"))
    op.create_index('ix_document_reply_to', 'document', ['agency_id', 'reply_to_id'], unique=False)
    op.create_index('uq_document_arrival_number', 'document', ['agency_id', 'book_year', 'arrival_number'], unique=True, sqlite_where=sa.text('arrival_number IS NOT NULL'), postgresql_where=sa.text('arrival_number IS NOT NULL'))
    op.create_table('picture',
        sa.Column('purpose', sa.String(length=40), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=True),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('width_um', sa.Integer(), nullable=False),
        sa.Column('height_um', sa.Integer(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("purpose IN ('handwriting', 'seal')", name=op.f('ck_picture_purpose')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_picture_agency_id_post_id')),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_picture_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_picture'))
    )
    op.create_table('post_role',
        sa.Column('post_id', sa.Uuid(), nullable=False),
        sa.Column('role', sa.String(length=40), nullable=False),
        sa.Column('over_agency_id', sa.Uuid(), nullable=True),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("role IN ('clerk', 'leader', 'unit_head', 'officer', 'format_checker', 'archivist', 'auditor', 'admin', 'system', 'public')", name=op.f('ck_post_role_role')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_post_role_agency_id_post_id')),
        sa.ForeignKeyConstraint(['over_agency_id'], ['agency.id'], name=op.f('fk_post_role_over_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_post_role')),
        sa.UniqueConstraint('post_id', 'role', 'over_agency_id', name=op.f('uq_post_role_post_id_role_over_agency_id'))
    )
    op.create_table('sign_in',
        sa.Column('token_sha256', sa.String(length=64), nullable=False),
        sa.Column('person_id', sa.Uuid(), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=False),
        sa.Column('generation', sa.Integer(), nullable=False),
        sa.Column('created_at', db.UtcDateTime(), nullable=False),
        sa.Column('seen_at', db.UtcDateTime(), nullable=False),
        sa.Column('ended_at', db.UtcDateTime(), nullable=True),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_sign_in_person_id')),
        sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_sign_in_post_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in')),
        sa.UniqueConstraint('token_sha256', name=op.f('uq_sign_in_token_sha256'))
    )
    op.create_index('ix_sign_in_person', 'sign_in', ['person_id'], unique=False)
    op.create_table('signing_authority',
        sa.Column('post_id', sa.Uuid(), nullable=False),
        sa.Column('basis', sa.String(length=40), nullable=False),
        sa.Column('holder', sa.String(length=40), nullable=False),
        sa.Column('kinds', db.Json(), nullable=True),
        sa.Column('basis_document', db.Words(), nullable=False),
        sa.Column('valid_from', sa.Date(), nullable=False),
        sa.Column('valid_to', sa.Date(), nullable=True),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("basis IN ('head', 'collective', 'by_order', 'by_authorisation')", name=op.f('ck_signing_authority_basis')),
        sa.CheckConstraint("holder IN ('self', 'deputy', 'acting')", name=op.f('ck_signing_authority_holder')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_signing_authority_agency_id_post_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_signing_authority'))
    )
    op.create_table('approval',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('decision', sa.String(length=40), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=False),
        sa.Column('note', db.Words(), nullable=False),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("decision IN ('approved', 'sent_back')", name=op.f('ck_approval_decision')),
        sa.CheckConstraint("kind IN ('content', 'format')", name=op.f('ck_approval_kind')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_approval_agency_id_document_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_approval_agency_id_post_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_approval'))
    )
    op.create_index('ix_approval_document', 'approval', ['agency_id', 'document_id'], unique=False)
    op.create_table('document_file',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('role', sa.String(length=40), nullable=False),
        sa.Column('stage', sa.String(length=40), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('name', db.Words(), nullable=False),
        sa.Column('derived_from', sa.String(length=64), nullable=True),
        sa.Column('created_at', db.UtcDateTime(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("role IN ('main', 'annex', 'attachment', 'rendition', 'scan')", name=op.f('ck_document_file_role')),
        sa.CheckConstraint("stage IN ('received', 'draft', 'signed', 'sealed')", name=op.f('ck_document_file_stage')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_document_file_agency_id_document_id')),
        sa.ForeignKeyConstraint(['sha256'], ['file.sha256'], name=op.f('fk_document_file_sha256')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_document_file')),
        sa.UniqueConstraint('document_id', 'role', 'stage', 'number', name=op.f('uq_document_file_document_id_role_stage_number'))
    )
    op.create_index('ix_document_file_sha256', 'document_file', ['agency_id', 'sha256'], unique=False)
    op.create_table('draft_version',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('letter', db.Json(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=False),
        sa.Column('note', db.Words(), nullable=False),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_draft_version_agency_id_document_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_draft_version_agency_id_post_id')),
        sa.ForeignKeyConstraint(['sha256'], ['file.sha256'], name=op.f('fk_draft_version_sha256')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_draft_version')),
        sa.UniqueConstraint('document_id', 'number', name=op.f('uq_draft_version_document_id_number'))
    )
    op.create_table('instruction',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=False),
        sa.Column('text', db.Words(), nullable=False),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('due_at', db.UtcDateTime(), nullable=True),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_instruction_agency_id_document_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_instruction_agency_id_post_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_instruction')),
        sa.UniqueConstraint('agency_id', 'id', name=op.f('uq_instruction_agency_id_id'))
    )
    op.create_index('ix_instruction_document', 'instruction', ['agency_id', 'document_id'], unique=False)
    op.create_table('message',
        sa.Column('message', sa.Uuid(), nullable=False),
        sa.Column('channel', sa.String(length=40), nullable=False),
        sa.Column('sender_installation', sa.String(length=120), nullable=False),
        sa.Column('sender_identifier', db.Words(), nullable=False),
        sa.Column('sender_name', db.Words(), nullable=False),
        sa.Column('sender_id', sa.Uuid(), nullable=False),
        sa.Column('container_sha256', sa.String(length=64), nullable=False),
        sa.Column('manifest_sha256', sa.String(length=64), nullable=False),
        sa.Column('received_at', db.UtcDateTime(), nullable=False),
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('receipt_sha256', sa.String(length=64), nullable=False),
        sa.Column('last_status_sha256', sa.String(length=64), nullable=True),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_message_agency_id_document_id')),
        sa.ForeignKeyConstraint(['sender_id'], ['agency.id'], name=op.f('fk_message_sender_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_message')),
        sa.UniqueConstraint('agency_id', 'id', name=op.f('uq_message_agency_id_id')),
        sa.UniqueConstraint('agency_id', 'sender_installation', 'message', name=op.f('uq_message_agency_id_sender_installation_message'))
    )
    op.create_table('number_allocation',
        sa.Column('series', sa.String(length=120), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('document_id', sa.Uuid(), nullable=True),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('reason', db.Words(), nullable=False),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("state <> 'used' OR document_id IS NOT NULL", name=op.f('ck_number_allocation_used_has_document')),
        sa.CheckConstraint("state <> 'void' OR reason <> ''", name=op.f('ck_number_allocation_void_says_why')),
        sa.CheckConstraint("state IN ('held', 'used', 'void')", name=op.f('ck_number_allocation_state')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_number_allocation_agency_id_document_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_number_allocation')),
        sa.UniqueConstraint('agency_id', 'series', 'number', name=op.f('uq_number_allocation_agency_id_series_number'))
    )
    op.create_table('participant',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=True),
        sa.Column('unit_id', sa.Uuid(), nullable=True),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('(post_id IS NULL) <> (unit_id IS NULL)', name=op.f('ck_participant_post_or_unit')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_participant_agency_id_document_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_participant_agency_id_post_id')),
        sa.ForeignKeyConstraint(['agency_id', 'unit_id'], ['unit.agency_id', 'unit.id'], name=op.f('fk_participant_agency_id_unit_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_participant'))
    )
    op.create_index('ix_participant_document', 'participant', ['agency_id', 'document_id'], unique=False)
    op.create_index('ix_participant_post', 'participant', ['agency_id', 'post_id', 'document_id'], unique=False)
    op.create_index('ix_participant_unit', 'participant', ['agency_id', 'unit_id', 'document_id'], unique=False)
    op.create_table('recipient',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('to_agency_id', sa.Uuid(), nullable=True),
        sa.Column('name', db.Words(), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('paper', sa.Boolean(), nullable=False),
        sa.Column('paper_reason', sa.String(length=40), nullable=True),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('addressee', 'cc')", name=op.f('ck_recipient_kind')),
        sa.CheckConstraint('NOT paper OR paper_reason IS NOT NULL', name=op.f('ck_recipient_paper_says_why')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_recipient_agency_id_document_id')),
        sa.ForeignKeyConstraint(['to_agency_id'], ['agency.id'], name=op.f('fk_recipient_to_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_recipient')),
        sa.UniqueConstraint('agency_id', 'id', name=op.f('uq_recipient_agency_id_id')),
        sa.UniqueConstraint('document_id', 'position', name=op.f('uq_recipient_document_id_position'))
    )
    op.create_table('register_line',
        sa.Column('book', sa.String(length=40), nullable=False),
        sa.Column('series', sa.String(length=120), nullable=False),
        sa.Column('year', sa.Integer(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('revision', sa.Integer(), nullable=False),
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('columns', db.Json(), nullable=False),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=True),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("book IN ('incoming', 'outgoing')", name=op.f('ck_register_line_book')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_register_line_agency_id_document_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_register_line')),
        sa.UniqueConstraint('agency_id', 'series', 'number', 'revision', name=op.f('uq_register_line_agency_id_series_number_revision'))
    )
    op.create_index('ix_register_line_book', 'register_line', ['agency_id', 'book', 'year', 'number'], unique=False)
    op.create_index('ix_register_line_document', 'register_line', ['agency_id', 'document_id'], unique=False)
    op.create_table('assignment',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('instruction_id', sa.Uuid(), nullable=False),
        sa.Column('role', sa.String(length=40), nullable=False),
        sa.Column('unit_id', sa.Uuid(), nullable=True),
        sa.Column('post_id', sa.Uuid(), nullable=True),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('due_at', db.UtcDateTime(), nullable=True),
        sa.Column('started_at', db.UtcDateTime(), nullable=True),
        sa.Column('done_at', db.UtcDateTime(), nullable=True),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("role IN ('lead', 'coordinate', 'inform')", name=op.f('ck_assignment_role')),
        sa.CheckConstraint("state IN ('open', 'in_progress', 'done')", name=op.f('ck_assignment_state')),
        sa.CheckConstraint('unit_id IS NOT NULL OR post_id IS NOT NULL', name=op.f('ck_assignment_somebody')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_assignment_agency_id_document_id')),
        sa.ForeignKeyConstraint(['agency_id', 'instruction_id'], ['instruction.agency_id', 'instruction.id'], name=op.f('fk_assignment_agency_id_instruction_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_assignment_agency_id_post_id')),
        sa.ForeignKeyConstraint(['agency_id', 'unit_id'], ['unit.agency_id', 'unit.id'], name=op.f('fk_assignment_agency_id_unit_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_assignment'))
    )
    op.create_index('ix_assignment_document', 'assignment', ['agency_id', 'document_id'], unique=False)
    op.create_index('ix_assignment_open_post', 'assignment', ['agency_id', 'post_id', 'due_at'], unique=False, sqlite_where=sa.text("state <> 'done'"), postgresql_where=sa.text("state <> 'done'"))
    op.create_index('uq_assignment_lead', 'assignment', ['document_id'], unique=True, sqlite_where=sa.text("role = 'lead'"), postgresql_where=sa.text("role = 'lead'"))
    op.create_table('delivery',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('recipient_id', sa.Uuid(), nullable=False),
        sa.Column('to_agency_id', sa.Uuid(), nullable=True),
        sa.Column('to_name', db.Words(), nullable=False),
        sa.Column('to_identifier', db.Words(), nullable=False),
        sa.Column('channel', sa.String(length=40), nullable=False),
        sa.Column('delivery_class', sa.String(length=2), nullable=False),
        sa.Column('paper', sa.Boolean(), nullable=False),
        sa.Column('paper_reason', sa.String(length=40), nullable=True),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('conversation', sa.Uuid(), nullable=False),
        sa.Column('container_sha256', sa.String(length=64), nullable=True),
        sa.Column('manifest_sha256', sa.String(length=64), nullable=True),
        sa.Column('receipt_sha256', sa.String(length=64), nullable=True),
        sa.Column('created_at', db.UtcDateTime(), nullable=False),
        sa.Column('sent_at', db.UtcDateTime(), nullable=True),
        sa.Column('delivered_at', db.UtcDateTime(), nullable=True),
        sa.Column('status_code', sa.String(length=2), nullable=True),
        sa.Column('status_at', db.UtcDateTime(), nullable=True),
        sa.Column('refusal', db.Words(), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("channel IN ('local', 'paper')", name=op.f('ck_delivery_channel')),
        sa.CheckConstraint("delivery_class IN ('E1', 'E2', 'E3', 'P', 'X')", name=op.f('ck_delivery_delivery_class')),
        sa.CheckConstraint("state IN ('queued', 'sending', 'delivered', 'arrived', 'registered', 'assigned', 'working', 'finished', 'refused', 'failed', 'expired', 'cancelled', 'posted')", name=op.f('ck_delivery_state')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_delivery_agency_id_document_id')),
        sa.ForeignKeyConstraint(['agency_id', 'recipient_id'], ['recipient.agency_id', 'recipient.id'], name=op.f('fk_delivery_agency_id_recipient_id')),
        sa.ForeignKeyConstraint(['to_agency_id'], ['agency.id'], name=op.f('fk_delivery_to_agency_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery')),
        sa.UniqueConstraint('agency_id', 'id', name=op.f('uq_delivery_agency_id_id')),
        sa.UniqueConstraint('recipient_id', name=op.f('uq_delivery_recipient_id'))
    )
    op.create_index('ix_delivery_document', 'delivery', ['agency_id', 'document_id'], unique=False)
    op.create_index('ix_delivery_open', 'delivery', ['agency_id', 'created_at'], unique=False, sqlite_where=sa.text("state NOT IN ('cancelled', 'expired', 'failed', 'finished', 'posted', 'refused')"), postgresql_where=sa.text("state NOT IN ('cancelled', 'expired', 'failed', 'finished', 'posted', 'refused')"))
    op.create_table('delivery_event',
        sa.Column('delivery_id', sa.Uuid(), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('code', sa.String(length=2), nullable=True),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('description', db.Words(), nullable=False),
        sa.Column('staff', db.Words(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=True),
        sa.Column('applied', sa.Boolean(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('sent', 'receipt', 'status', 'posted', 'problem')", name=op.f('ck_delivery_event_kind')),
        sa.ForeignKeyConstraint(['agency_id', 'delivery_id'], ['delivery.agency_id', 'delivery.id'], name=op.f('fk_delivery_event_agency_id_delivery_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery_event')),
        sa.UniqueConstraint('delivery_id', 'sha256', name=op.f('uq_delivery_event_delivery_id_sha256'))
    )
    op.create_index('ix_delivery_event_delivery', 'delivery_event', ['agency_id', 'delivery_id'], unique=False)

    for table in APPEND_ONLY:
        _guard(table)


def _guard(table: str) -> None:
    """Rows of this table are written once: the database itself refuses to change or delete them."""
    if op.get_bind().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )


def downgrade() -> None:
    op.drop_index('ix_delivery_event_delivery', table_name='delivery_event')
    op.drop_table('delivery_event')
    op.drop_index('ix_delivery_open', table_name='delivery', sqlite_where=sa.text("state NOT IN ('cancelled', 'expired', 'failed', 'finished', 'posted', 'refused')"), postgresql_where=sa.text("state NOT IN ('cancelled', 'expired', 'failed', 'finished', 'posted', 'refused')"))
    op.drop_index('ix_delivery_document', table_name='delivery')
    op.drop_table('delivery')
    op.drop_index('uq_assignment_lead', table_name='assignment', sqlite_where=sa.text("role = 'lead'"), postgresql_where=sa.text("role = 'lead'"))
    op.drop_index('ix_assignment_open_post', table_name='assignment', sqlite_where=sa.text("state <> 'done'"), postgresql_where=sa.text("state <> 'done'"))
    op.drop_index('ix_assignment_document', table_name='assignment')
    op.drop_table('assignment')
    op.drop_index('ix_register_line_document', table_name='register_line')
    op.drop_index('ix_register_line_book', table_name='register_line')
    op.drop_table('register_line')
    op.drop_table('recipient')
    op.drop_index('ix_participant_unit', table_name='participant')
    op.drop_index('ix_participant_post', table_name='participant')
    op.drop_index('ix_participant_document', table_name='participant')
    op.drop_table('participant')
    op.drop_table('number_allocation')
    op.drop_table('message')
    op.drop_index('ix_instruction_document', table_name='instruction')
    op.drop_table('instruction')
    op.drop_table('draft_version')
    op.drop_index('ix_document_file_sha256', table_name='document_file')
    op.drop_table('document_file')
    op.drop_index('ix_approval_document', table_name='approval')
    op.drop_table('approval')
    op.drop_table('signing_authority')
    op.drop_index('ix_sign_in_person', table_name='sign_in')
    op.drop_table('sign_in')
    op.drop_table('post_role')
    op.drop_table('picture')
    op.drop_index('uq_document_arrival_number', table_name='document', sqlite_where=sa.text('arrival_number IS NOT NULL'), postgresql_where=sa.text('arrival_number IS NOT NULL'))
    op.drop_index('ix_document_reply_to', table_name='document')
    op.drop_index('ix_document_open_due', table_name='document', sqlite_where=sa.text("direction = 'incoming' AND state IN ('arrived', 'registered', 'submitted', 'assigned', 'in_progress')"), postgresql_where=sa.text("direction = 'incoming' AND state IN ('arrived', 'registered', 'submitted', 'assigned', 'in_progress')"))
    op.drop_index('ix_document_list_state', table_name='document')
    op.drop_index('ix_document_list', table_name='document')
    op.drop_index('ix_document_code', table_name='document')
    op.drop_table('document')
    op.drop_table('certificate')
    op.drop_table('recipient_group_member')
    op.drop_index('ix_post_person', table_name='post')
    op.drop_table('post')
    op.drop_table('unit')
    op.drop_table('rollup')
    op.drop_table('recipient_group')
    op.drop_table('number_counter')
    op.drop_index('ix_fact_measure', table_name='fact')
    op.drop_table('fact')
    op.drop_table('calendar_day')
    op.drop_index('ix_agency_identifier_subject', table_name='agency_identifier')
    op.drop_table('agency_identifier')
    op.drop_table('setting')
    op.drop_table('person')
    op.drop_table('ledger_head')
    op.drop_index('ix_ledger_entry_word', table_name='ledger_entry')
    op.drop_index('ix_ledger_entry_object', table_name='ledger_entry')
    op.drop_table('ledger_entry')
    op.drop_index('ix_job_waiting', table_name='job', sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))
    op.drop_index('ix_job_running', table_name='job', sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))
    op.drop_index('ix_job_part', table_name='job', sqlite_where=sa.text("part <> '' AND state IN ('waiting', 'running')"), postgresql_where=sa.text("part <> '' AND state IN ('waiting', 'running')"))
    op.drop_table('job')
    op.drop_table('file_verdict')
    op.drop_table('file')
    op.drop_index('ix_failed_sign_in_login', table_name='failed_sign_in')
    op.drop_table('failed_sign_in')
    op.drop_table('call')
    op.drop_index('ix_agency_folded_short_name', table_name='agency')
    op.drop_index('ix_agency_folded_name', table_name='agency')
    op.drop_table('agency')
    op.drop_index('ix_access_entry_object', table_name='access_entry')
    op.drop_table('access_entry')
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            op.execute(f"DROP FUNCTION {table}_append_only()")
