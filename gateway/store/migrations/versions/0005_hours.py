"""Sums of hours and days. They begin empty: the records of before are added piece by piece while the gateway runs."""

import sqlalchemy as sa
from alembic import op

revision = "0005_hours"
down_revision = "0004_callers"
branch_labels = None
depends_on = None

TABLES = ("usage_hours", "usage_days", "usage_team_days")
COUNTED = ("requests", "errors", "unpriced", *(f"ms_{number}" for number in range(32)))
ADDED = (
    *("nano_usd", "saved_nano_usd"),
    *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("input_nano_usd", "cached_nano_usd", "cache_write_nano_usd", "output_nano_usd", "reasoning_nano_usd"),
    "request_nano_usd",
)
BY = ("starts_ns", "caller", "provider", "model", "endpoint", "status", "cache", "shadow")


def upgrade() -> None:
    for table in TABLES:
        op.create_table(
            table,
            sa.Column("starts_ns", sa.BigInteger, nullable=False, autoincrement=False),
            sa.Column("caller", sa.BigInteger, nullable=False, autoincrement=False),
            *(sa.Column(name, sa.Text, nullable=False) for name in ("provider", "model", "endpoint")),
            sa.Column("status", sa.Integer, nullable=False, autoincrement=False),
            sa.Column("cache", sa.Text, nullable=False),
            sa.Column("shadow", sa.Boolean(create_constraint=False), nullable=False),
            *(sa.Column(name, sa.Integer, nullable=False) for name in COUNTED),
            *(sa.Column(name, sa.BigInteger, nullable=False) for name in ADDED),
            sa.PrimaryKeyConstraint(*BY, name=f"pk_{table}"),
            sqlite_with_rowid=False,
        )
    op.create_index("ix_usage_days_caller", "usage_days", ["caller", "starts_ns"])
    progress = op.create_table(
        "usage_progress",
        sa.Column("record", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("day_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("record", name="pk_usage_progress"),
    )
    op.bulk_insert(progress, [{"record": 0, "day_ns": 0}])


def downgrade() -> None:
    for table in ("usage_progress", *TABLES):
        op.drop_table(table)
