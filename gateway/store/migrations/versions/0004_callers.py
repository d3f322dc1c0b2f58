"""Callers in a table of their own: an index on each of four names cost a record more than all the rest of it."""

from hashlib import blake2b

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0004_callers"
down_revision = "0003_saved"
branch_labels = None
depends_on = None

WHO = ("key", "user", "team", "org")
ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    callers = op.create_table(
        "callers",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in WHO),
        sa.PrimaryKeyConstraint("id", name="pk_callers"),
    )
    op.add_column("records", sa.Column("caller", sa.BigInteger, nullable=False, server_default="0"))
    for name in WHO:
        op.drop_index(f"ix_records_{name}", "records")
    connection = op.get_bind()
    records = sa.table("records", sa.column("caller"), *map(sa.column, WHO))
    found = connection.execute(sa.select(*(records.c[name] for name in WHO)).distinct()).all()
    if found:
        rows = [{"id": _id(tuple(one)), **dict(zip(WHO, one, strict=True))} for one in found]
        connection.execute(callers.insert(), rows)
        op.create_index("ix_callers_who", "callers", WHO)
        same = sa.and_(*(callers.c[name] == records.c[name] for name in WHO))
        known = sa.select(callers.c.id).where(same).scalar_subquery()
        connection.execute(records.update().values(caller=known))
        op.drop_index("ix_callers_who", "callers")
    for name in WHO:
        op.drop_column("records", name)
    op.create_index("ix_records_caller", "records", ["caller", "time_ns"])


def _id(who: tuple[str, ...]) -> int:
    return int.from_bytes(blake2b(msgspec.msgpack.encode(who), digest_size=8).digest()) >> 1


def downgrade() -> None:
    for name in WHO:
        op.add_column("records", sa.Column(name, sa.Text, nullable=False, server_default=""))
    records = sa.table("records", sa.column("caller"), *map(sa.column, WHO))
    callers = sa.table("callers", sa.column("id"), *map(sa.column, WHO))
    named = {
        name: sa.func.coalesce(
            sa.select(callers.c[name]).where(callers.c.id == records.c.caller).scalar_subquery(), ""
        )
        for name in WHO
    }
    op.get_bind().execute(records.update().values(named))
    op.drop_index("ix_records_caller", "records")
    op.drop_column("records", "caller")
    for name in WHO:
        op.create_index(f"ix_records_{name}", "records", [name, "time_ns"])
    op.drop_table("callers")
