"""The life of certificates: what lists show of one, how it ended, requests, hand-overs, and how long proof lasts."""

# ruff: noqa: E501
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from cryptography import x509
from cryptography.x509.oid import NameOID

from eoffice.core import db
from eoffice.core.text import fold

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('certificate') as table:
        table.add_column(sa.Column('storage', sa.String(length=40), nullable=False, server_default='agent'))
        table.add_column(sa.Column('origin', sa.String(length=40), nullable=False, server_default='entered'))
        table.add_column(sa.Column('test', sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column('name', db.Words(), nullable=False, server_default=''))
        table.add_column(sa.Column('issuer', db.Words(), nullable=False, server_default=''))
        table.add_column(sa.Column('serial', sa.String(length=64), nullable=False, server_default=''))
        table.add_column(sa.Column('folded', db.Words(), nullable=False, server_default=''))
        table.add_column(sa.Column('ended_at', db.UtcDateTime(), nullable=True))
        table.add_column(sa.Column('reason', db.Words(), nullable=False, server_default=''))
        table.add_column(sa.Column('reported_on', sa.Date(), nullable=True))
        table.add_column(sa.Column('replaced_by_id', sa.Uuid(), nullable=True))
        table.add_column(sa.Column('version', sa.Integer(), nullable=False, server_default='1'))
        table.create_unique_constraint(op.f('uq_certificate_agency_id_id'), ['agency_id', 'id'])
        table.create_index('ix_certificate_ends', ['agency_id', 'status', 'valid_to', 'id'], unique=False)
    _read_certificates()
    op.create_table('certificate_request',
        sa.Column('purpose', sa.String(length=40), nullable=False),
        sa.Column('slot', sa.String(length=60), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=True),
        sa.Column('state', sa.String(length=40), nullable=False),
        sa.Column('reason', db.Words(), nullable=False),
        sa.Column('renews_id', sa.Uuid(), nullable=True),
        sa.Column('asked_at', db.UtcDateTime(), nullable=False),
        sa.Column('asked_by_id', sa.Uuid(), nullable=True),
        sa.Column('decided_at', db.UtcDateTime(), nullable=True),
        sa.Column('certificate_id', sa.Uuid(), nullable=True),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("(purpose = 'exchange') = (post_id IS NULL)", name=op.f('ck_certificate_request_somebody_holds_it')),
        sa.CheckConstraint("(state = 'issued') = (certificate_id IS NOT NULL)", name=op.f('ck_certificate_request_issued_has_certificate')),
        sa.CheckConstraint("purpose IN ('leader', 'seal', 'exchange')", name=op.f('ck_certificate_request_purpose')),
        sa.CheckConstraint("state IN ('requested', 'issued', 'refused')", name=op.f('ck_certificate_request_state')),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_certificate_request_agency_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_certificate_request_agency_id_post_id')),
        sa.ForeignKeyConstraint(['agency_id', 'renews_id'], ['certificate.agency_id', 'certificate.id'], name=op.f('fk_certificate_request_agency_id_renews_id')),
        sa.ForeignKeyConstraint(['agency_id', 'certificate_id'], ['certificate.agency_id', 'certificate.id'], name=op.f('fk_certificate_request_agency_id_certificate_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_certificate_request'))
    )
    op.create_index('ix_certificate_request_state', 'certificate_request', ['agency_id', 'state', 'asked_at', 'id'], unique=False)
    op.create_index('uq_certificate_request_open', 'certificate_request', ['agency_id', 'slot'], unique=True, sqlite_where=sa.text("state = 'requested'"), postgresql_where=sa.text("state = 'requested'"))
    op.create_table('key_handover',
        sa.Column('certificate_id', sa.Uuid(), nullable=False),
        sa.Column('from_post_id', sa.Uuid(), nullable=False),
        sa.Column('to_post_id', sa.Uuid(), nullable=False),
        sa.Column('from_name', db.Words(), nullable=False),
        sa.Column('from_title', db.Words(), nullable=False),
        sa.Column('to_name', db.Words(), nullable=False),
        sa.Column('to_title', db.Words(), nullable=False),
        sa.Column('permission', db.Words(), nullable=False),
        sa.Column('device', db.Words(), nullable=False),
        sa.Column('device_serial', db.Words(), nullable=False),
        sa.Column('note', db.Words(), nullable=False),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('from_post_id <> to_post_id', name=op.f('ck_key_handover_to_somebody_else')),
        sa.ForeignKeyConstraint(['agency_id', 'certificate_id'], ['certificate.agency_id', 'certificate.id'], name=op.f('fk_key_handover_agency_id_certificate_id')),
        sa.ForeignKeyConstraint(['agency_id', 'from_post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_key_handover_agency_id_from_post_id')),
        sa.ForeignKeyConstraint(['agency_id', 'to_post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_key_handover_agency_id_to_post_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_key_handover'))
    )
    op.create_index('ix_key_handover_certificate', 'key_handover', ['agency_id', 'certificate_id', 'at'], unique=False)
    op.create_table('evidence',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('level', sa.String(length=10), nullable=False),
        sa.Column('ends_at', db.UtcDateTime(), nullable=False),
        sa.Column('measured_at', db.UtcDateTime(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_evidence_agency_id_document_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_evidence')),
        sa.UniqueConstraint('document_id', name=op.f('uq_evidence_document_id'))
    )
    op.create_index('ix_evidence_ends', 'evidence', ['agency_id', 'ends_at', 'id'], unique=False)


def _read_certificates() -> None:
    """Fill the new columns of certificates that are there; what the office cannot read keeps its subject as name."""
    table = sa.table('certificate', *(sa.column(name) for name in ('subject', 'name', 'issuer', 'serial', 'folded', 'test')), sa.column('id', sa.Uuid()), sa.column('der', sa.LargeBinary()))
    connection = op.get_bind()
    for row in connection.execute(sa.select(table.c.id, table.c.der, table.c.subject)).all():
        connection.execute(sa.update(table).where(table.c.id == row.id).values(**_facts(row.der, row.subject)))


def _facts(der: bytes, subject: str) -> dict[str, Any]:
    try:
        found = x509.load_der_x509_certificate(der)
    except ValueError:
        return {'name': subject, 'folded': fold(subject)}

    def first(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
        values = name.get_attributes_for_oid(oid)
        return str(values[0].value) if values else ''

    name, serial = first(found.subject, NameOID.COMMON_NAME) or subject, f'{found.serial_number:x}'
    return {
        'name': name,
        'issuer': first(found.issuer, NameOID.COMMON_NAME),
        'serial': serial,
        'folded': fold(f'{name} {first(found.subject, NameOID.ORGANIZATION_NAME)} {serial}'),
        'test': 'THỬ NGHIỆM' in found.subject.rfc4514_string() or 'THỬ NGHIỆM' in found.issuer.rfc4514_string(),
    }


def downgrade() -> None:
    op.drop_index('ix_evidence_ends', table_name='evidence')
    op.drop_table('evidence')
    op.drop_index('ix_key_handover_certificate', table_name='key_handover')
    op.drop_table('key_handover')
    op.drop_index('uq_certificate_request_open', table_name='certificate_request', sqlite_where=sa.text("state = 'requested'"), postgresql_where=sa.text("state = 'requested'"))
    op.drop_index('ix_certificate_request_state', table_name='certificate_request')
    op.drop_table('certificate_request')
    with op.batch_alter_table('certificate') as table:
        table.drop_index('ix_certificate_ends')
        table.drop_constraint(op.f('uq_certificate_agency_id_id'), type_='unique')
        for name in ('storage', 'origin', 'test', 'name', 'issuer', 'serial', 'folded', 'ended_at', 'reason', 'reported_on', 'replaced_by_id', 'version'):
            table.drop_column(name)
