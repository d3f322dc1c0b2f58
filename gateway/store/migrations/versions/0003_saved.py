"""What the cache saved, beside what a request cost."""

import sqlalchemy as sa
from alembic import op

revision = "0003_saved"
down_revision = "0002_records"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("records", sa.Column("saved_nano_usd", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("records", "saved_nano_usd")
