"""The register of certified copies."""

# ruff: noqa: E501
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from eoffice.core import db

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('certified_copy',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('form', sa.String(length=40), nullable=False),
        sa.Column('year', sa.Integer(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('code', db.Words(), nullable=False),
        sa.Column('file_id', sa.Uuid(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('source_sha256', sa.String(length=64), nullable=False),
        sa.Column('rewritten', sa.Boolean(), nullable=False),
        sa.Column('pages', db.Words(), nullable=False),
        sa.Column('purpose', db.Words(), nullable=False),
        sa.Column('decided_by_id', sa.Uuid(), nullable=False),
        sa.Column('decided_by', db.Words(), nullable=False),
        sa.Column('post_id', sa.Uuid(), nullable=False),
        sa.Column('made_by', db.Words(), nullable=False),
        sa.Column('at', db.UtcDateTime(), nullable=False),
        sa.Column('agency_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.CheckConstraint("(form = 'copy_extract') = (pages <> '')", name=op.f('ck_certified_copy_extract_names_pages')),
        sa.CheckConstraint("form IN ('copy_full', 'copy_of_copy', 'copy_extract')", name=op.f('ck_certified_copy_form')),
        sa.CheckConstraint('number > 0', name=op.f('ck_certified_copy_number')),
        sa.CheckConstraint("purpose <> ''", name=op.f('ck_certified_copy_says_what_for')),
        sa.CheckConstraint('sha256 <> source_sha256', name=op.f('ck_certified_copy_another_file')),
        sa.ForeignKeyConstraint(['agency_id'], ['agency.id'], name=op.f('fk_certified_copy_agency_id')),
        sa.ForeignKeyConstraint(['agency_id', 'decided_by_id'], ['post.agency_id', 'post.id'], name=op.f('fk_certified_copy_agency_id_decided_by_id')),
        sa.ForeignKeyConstraint(['agency_id', 'document_id'], ['document.agency_id', 'document.id'], name=op.f('fk_certified_copy_agency_id_document_id')),
        sa.ForeignKeyConstraint(['agency_id', 'post_id'], ['post.agency_id', 'post.id'], name=op.f('fk_certified_copy_agency_id_post_id')),
        sa.ForeignKeyConstraint(['sha256'], ['file.sha256'], name=op.f('fk_certified_copy_sha256')),
        sa.ForeignKeyConstraint(['source_sha256'], ['file.sha256'], name=op.f('fk_certified_copy_source_sha256')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_certified_copy')),
        sa.UniqueConstraint('agency_id', 'year', 'number', name=op.f('uq_certified_copy_agency_id_year_number'))
    )
    op.create_index('ix_certified_copy_document', 'certified_copy', ['agency_id', 'document_id'], unique=False)
    op.create_index('ix_certified_copy_list', 'certified_copy', ['agency_id', 'at', 'id'], unique=False)
    _guard()


def _guard() -> None:
    """A line is written once: the database itself refuses to change or delete it."""
    if op.get_bind().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER certified_copy_no_{deed.lower()} BEFORE {deed} ON certified_copy "
                "BEGIN SELECT RAISE(ABORT, 'certified_copy is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION certified_copy_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'certified_copy is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER certified_copy_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON certified_copy "
        "FOR EACH STATEMENT EXECUTE FUNCTION certified_copy_append_only()"
    )


def downgrade() -> None:
    op.drop_index('ix_certified_copy_list', table_name='certified_copy')
    op.drop_index('ix_certified_copy_document', table_name='certified_copy')
    op.drop_table('certified_copy')
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION certified_copy_append_only()")
