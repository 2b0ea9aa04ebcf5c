"""What the desks need: texts being written, signing lists, proofs of the ledger, and to whom a document was submitted."""

# ruff: noqa: E501
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from eoffice.core import db

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('ledger_check',
        sa.Column('chain', sa.Uuid(), nullable=False),
        sa.Column('asked_at', db.UtcDateTime(), nullable=False),
        sa.Column('done_at', db.UtcDateTime(), nullable=True),
        sa.Column('seconds', sa.Double(), nullable=True),
        sa.Column('entries', sa.Integer(), nullable=True),
        sa.Column('ok', sa.Boolean(), nullable=True),
        sa.Column('broken', db.Json(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_check'))
    )
    op.create_index('ix_ledger_check_chain', 'ledger_check', ['chain', 'asked_at'], unique=False)
    op.create_table('draft_text',
        sa.Column('post_id', sa.Uuid(), nullable=False),
        sa.Column('document_id', sa.Uuid(), nullable=True),
        sa.Column('reply_to_id', sa.Uuid(), nullable=True),
        sa.Column('content', db.Json(), nullable=False),
        sa.Column('began_from', sa.Integer(), nullable=False),
        sa.Column('kept_at', db.UtcDateTime(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_draft_text_agency_id_document_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_draft_text_agency_id_post_id')),
        sa.ForeignKeyConstraint(['agency_id', 'reply_to_id'], ['document.agency_id', 'document.id'], name=op.f('fk_draft_text_agency_id_reply_to_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_draft_text'))
    )
    op.create_index('ix_draft_text_post', 'draft_text', ['agency_id', 'post_id', 'kept_at'], unique=False)
    op.create_index('uq_draft_text_document', 'draft_text', ['post_id', 'document_id'], unique=True, sqlite_where=sa.text('document_id IS NOT NULL'), postgresql_where=sa.text('document_id IS NOT NULL'))
    op.create_table('signing_item',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('shown', db.Json(), nullable=False),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('batch', sa.Uuid(), nullable=True),
        sa.Column('listed_at', db.UtcDateTime(), nullable=False),
        sa.Column('begun_at', db.UtcDateTime(), nullable=True),
        sa.Column('ended_at', db.UtcDateTime(), nullable=True),
        sa.Column('code', db.Words(), nullable=False),
        sa.Column('reason_vi', db.Words(), nullable=False),
        sa.Column('reason_en', db.Words(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("state IN ('listed', 'queued', 'signed', 'failed')", name=op.f('ck_signing_item_state')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_signing_item_agency_id_document_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_signing_item_agency_id_post_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_signing_item')),
        sa.UniqueConstraint('document_id', 'post_id', name=op.f('uq_signing_item_document_id_post_id'))
    )
    op.create_index('ix_signing_item_post', 'signing_item', ['agency_id', 'post_id', 'state', 'listed_at'], unique=False)
    op.create_index('ix_assignment_open_unit', 'assignment', ['agency_id', 'unit_id', 'due_at'], unique=False, sqlite_where=sa.text("state <> 'done'"), postgresql_where=sa.text("state <> 'done'"))
    op.create_index('ix_delivery_watched', 'delivery', ['agency_id', 'created_at'], unique=False, sqlite_where=sa.text("state IN ('arrived', 'expired', 'failed', 'refused')"), postgresql_where=sa.text("state IN ('arrived', 'expired', 'failed', 'refused')"))
    op.add_column('document', sa.Column('submitted_to_id', sa.Uuid(), nullable=True))
    op.add_column('document', sa.Column('returned_at', db.UtcDateTime(), nullable=True))
    op.create_index('ix_document_file_document', 'document_file', ['agency_id', 'document_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_document_file_document', table_name='document_file')
    op.drop_column('document', 'returned_at')
    op.drop_column('document', 'submitted_to_id')
    op.drop_index('ix_delivery_watched', table_name='delivery', sqlite_where=sa.text("state IN ('arrived', 'expired', 'failed', 'refused')"), postgresql_where=sa.text("state IN ('arrived', 'expired', 'failed', 'refused')"))
    op.drop_index('ix_assignment_open_unit', table_name='assignment', sqlite_where=sa.text("state <> 'done'"), postgresql_where=sa.text("state <> 'done'"))
    op.drop_index('ix_signing_item_post', table_name='signing_item')
    op.drop_table('signing_item')
    op.drop_index('uq_draft_text_document', table_name='draft_text', sqlite_where=sa.text('document_id IS NOT NULL'), postgresql_where=sa.text('document_id IS NOT NULL'))
    op.drop_index('ix_draft_text_post', table_name='draft_text')
    op.drop_table('draft_text')
    op.drop_index('ix_ledger_check_chain', table_name='ledger_check')
    op.drop_table('ledger_check')
