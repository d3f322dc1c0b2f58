"""Organisations, teams, users, keys, providers, credentials, routes, limits, budgets, admin keys and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001_governance"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.String(128).with_variant(sa.String(128, collation="C"), "postgresql")
TABLES = (
    "audit",
    "credentials",
    "facts",
    "orgs",
    "providers",
    "routes",
    "teams",
    "admin_keys",
    "users",
    "keys",
    "budgets",
    "limits",
)
"""In the order of their references."""


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("actor_name", sa.String(length=256), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("ip", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_kind_subject"), "audit", ["kind", "subject"], unique=False)
    op.create_table(
        "credentials",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("provider", Id, nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("use", sa.String(length=160), nullable=False),
        sa.Column("weight", sa.BigInteger(), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credentials")),
    )
    op.create_index(op.f("ix_credentials_provider"), "credentials", ["provider"], unique=False)
    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "orgs",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orgs")),
    )
    op.create_table(
        "providers",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("base_url", sa.String(length=2048), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("discover", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
    )
    op.create_table(
        "routes",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("route", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routes")),
    )
    op.create_table(
        "teams",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("org", Id, nullable=True),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["org"], ["orgs.id"], name=op.f("fk_teams_org")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
    )
    op.create_index(op.f("ix_teams_org"), "teams", ["org"], unique=False)
    op.create_table(
        "admin_keys",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("team", Id, nullable=True),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["team"], ["teams.id"], name=op.f("fk_admin_keys_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_admin_keys_digest")),
    )
    op.create_index(op.f("ix_admin_keys_team"), "admin_keys", ["team"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("org", Id, nullable=True),
        sa.Column("team", Id, nullable=True),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["org"], ["orgs.id"], name=op.f("fk_users_org")),
        sa.ForeignKeyConstraint(["team"], ["teams.id"], name=op.f("fk_users_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index(op.f("ix_users_org"), "users", ["org"], unique=False)
    op.create_index(op.f("ix_users_team"), "users", ["team"], unique=False)
    op.create_table(
        "keys",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("org", Id, nullable=True),
        sa.Column("team", Id, nullable=True),
        sa.Column("user", Id, nullable=True),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("providers", sa.JSON(), nullable=False),
        sa.Column("endpoints", sa.JSON(), nullable=False),
        sa.Column("networks", sa.JSON(), nullable=False),
        sa.Column("credentials", sa.JSON(), nullable=False),
        sa.Column("defaults", sa.JSON(), nullable=False),
        sa.Column("forced", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("keeps_bodies", sa.Boolean(), nullable=False),
        sa.Column("revoked", sa.BigInteger(), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("rotated_digest", sa.String(length=64), nullable=False),
        sa.Column("rotated_until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["org"], ["orgs.id"], name=op.f("fk_keys_org")),
        sa.ForeignKeyConstraint(["team"], ["teams.id"], name=op.f("fk_keys_team")),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_keys_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_keys_digest")),
    )
    op.create_index(op.f("ix_keys_org"), "keys", ["org"], unique=False)
    op.create_index(op.f("ix_keys_team"), "keys", ["team"], unique=False)
    op.create_index(op.f("ix_keys_user"), "keys", ["user"], unique=False)
    op.create_table(
        "budgets",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(length=1024), nullable=False),
        sa.Column("nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.String(length=32), nullable=False),
        sa.Column("soft", sa.Boolean(), nullable=False),
        sa.Column("org", Id, nullable=True),
        sa.Column("team", Id, nullable=True),
        sa.Column("user", Id, nullable=True),
        sa.Column("key", Id, nullable=True),
        sa.ForeignKeyConstraint(["key"], ["keys.id"], name=op.f("fk_budgets_key")),
        sa.ForeignKeyConstraint(["org"], ["orgs.id"], name=op.f("fk_budgets_org")),
        sa.ForeignKeyConstraint(["team"], ["teams.id"], name=op.f("fk_budgets_team")),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_budgets_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budgets")),
    )
    op.create_index(op.f("ix_budgets_account"), "budgets", ["account"], unique=False)
    op.create_index(op.f("ix_budgets_key"), "budgets", ["key"], unique=False)
    op.create_index(op.f("ix_budgets_org"), "budgets", ["org"], unique=False)
    op.create_index(op.f("ix_budgets_team"), "budgets", ["team"], unique=False)
    op.create_index(op.f("ix_budgets_user"), "budgets", ["user"], unique=False)
    op.create_table(
        "limits",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(length=1024), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("parallel", sa.BigInteger(), nullable=False),
        sa.Column("org", Id, nullable=True),
        sa.Column("team", Id, nullable=True),
        sa.Column("user", Id, nullable=True),
        sa.Column("key", Id, nullable=True),
        sa.ForeignKeyConstraint(["key"], ["keys.id"], name=op.f("fk_limits_key")),
        sa.ForeignKeyConstraint(["org"], ["orgs.id"], name=op.f("fk_limits_org")),
        sa.ForeignKeyConstraint(["team"], ["teams.id"], name=op.f("fk_limits_team")),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_limits_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limits")),
    )
    op.create_index(op.f("ix_limits_account"), "limits", ["account"], unique=False)
    op.create_index(op.f("ix_limits_key"), "limits", ["key"], unique=False)
    op.create_index(op.f("ix_limits_org"), "limits", ["org"], unique=False)
    op.create_index(op.f("ix_limits_team"), "limits", ["team"], unique=False)
    op.create_index(op.f("ix_limits_user"), "limits", ["user"], unique=False)
    _append_only()


def downgrade() -> None:
    for name in reversed(TABLES):
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only()")


def _append_only() -> None:
    """The database itself refuses to change or delete what the audit log says."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
