"""Separate annexes of a draft, in order and by name, and which annexes an approval speaks of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from eoffice.core import db

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("document", sa.Column("annexes", db.Json(), nullable=True))
    op.add_column("approval", sa.Column("annexes", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("approval", "annexes")
    op.drop_column("document", "annexes")
