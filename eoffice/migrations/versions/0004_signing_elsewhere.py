"""Signatures made elsewhere: what was handed out to a token or to a program, to whom, and until when."""

# ruff: noqa: E501
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from eoffice.core import db

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


_MOVED = ('request', 'refuse', 'issue', 'order', 'renew')
"""Deeds that moved from certificates to certificate_requests: what waits to be done, or was answered, goes with them."""


def upgrade() -> None:
    _rename('certificates', 'certificate_requests')
    op.create_table('prepared_signature',
        sa.Column('post_id', sa.Uuid(), nullable=False),
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('certificate_id', sa.Uuid(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=True),
        sa.Column('handed_sha256', sa.String(length=64), nullable=True),
        sa.Column('made_at', db.UtcDateTime(), nullable=False),
        sa.Column('until', db.UtcDateTime(), nullable=False),
        sa.Column('used_at', db.UtcDateTime(), nullable=True),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint('(content IS NULL) <> (handed_sha256 IS NULL)', name=op.f('ck_prepared_signature_one_of_two')),
        sa.ForeignKeyConstraint(['agency_id', 'certificate_id'], ['certificate.agency_id', 'certificate.id'], name=op.f('fk_prepared_signature_agency_id_certificate_id')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_prepared_signature_agency_id_document_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_prepared_signature_agency_id_post_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_prepared_signature'))
    )
    op.create_index('ix_prepared_signature_document', 'prepared_signature', ['agency_id', 'document_id', 'post_id'], unique=False)
    op.create_index('ix_prepared_signature_until', 'prepared_signature', ['agency_id', 'until'], unique=False)


def downgrade() -> None:
    _rename('certificate_requests', 'certificates')
    op.drop_index('ix_prepared_signature_until', table_name='prepared_signature')
    op.drop_index('ix_prepared_signature_document', table_name='prepared_signature')
    op.drop_table('prepared_signature')


def _rename(before: str, after: str) -> None:
    for table, column in (('job', 'name'), ('call', 'verb')):
        names = sa.table(table, sa.column(column))
        for deed in _MOVED:
            change = sa.update(names).where(names.c[column] == f'{before}.{deed}')
            op.execute(change.values({column: f'{after}.{deed}'}))
