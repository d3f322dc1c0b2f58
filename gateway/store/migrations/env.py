"""Runs the steps on the connection that is handed in, inside its transaction."""

from alembic import context

from gateway.store.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
