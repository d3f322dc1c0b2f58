"""Records of requests, and how far the journal is stored."""

import sqlalchemy as sa
from alembic import op

revision = "0002_records"
down_revision = "0001_governance"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TEXTS = (
    *(
        "request_id",
        "key",
        "user",
        "team",
        "org",
        "endpoint",
        "dialect",
        "requested_model",
        "provider",
        "model",
    ),
    *("answered_model", "error", "cause", "finish", "cache", "client", "rule"),
)
FLAGS = ("stream", "fallback", "estimated", "shadow", "cost_unknown")
NUMBERS = (
    *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "cache_write_1h_tokens"),
    *("reasoning_tokens", "input_audio_tokens", "output_audio_tokens", "audio_ms", "searches"),
    *("tries", "queued_ns", "waited_ns", "overhead_ns", "first_token_ns", "total_ns", "resumed", "skipped"),
)
COSTS = (
    *("cost_nano_usd", "input_nano_usd", "cached_nano_usd", "cache_write_nano_usd", "output_nano_usd"),
    *("reasoning_nano_usd", "request_nano_usd"),
)


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in TEXTS),
        sa.Column("status", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Boolean(create_constraint=False), nullable=False) for name in FLAGS),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in NUMBERS),
        *(sa.Column(name, sa.BigInteger) for name in COSTS),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("attempts", "dropped", "tags")),
        sa.PrimaryKeyConstraint("id", name="pk_records"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_records_request_id", "records", ["request_id"], unique=True)
    op.create_index("ix_records_time_ns", "records", ["time_ns"])
    for name in ("key", "user", "team", "org", "model"):
        op.create_index(f"ix_records_{name}", "records", [name, "time_ns"])
    op.create_table(
        "record_tags",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("tag", sa.Text, primary_key=True),
        sa.PrimaryKeyConstraint("request_id", "tag", name="pk_record_tags"),
    )
    op.create_table(
        "record_bodies",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_record_bodies"),
    )
    op.create_index("ix_record_bodies_time_ns", "record_bodies", ["time_ns"])
    op.create_table(
        "journal_offsets",
        sa.Column("file", sa.Text, primary_key=True),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("updated_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("file", name="pk_journal_offsets"),
    )


def downgrade() -> None:
    for name in ("journal_offsets", "record_bodies", "record_tags", "records"):
        op.drop_table(name)
