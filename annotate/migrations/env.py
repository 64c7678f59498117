"""Alembic runs this for every command: on the connection that `Database.migrate` passes."""

from alembic import context

from annotate.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
)
with context.begin_transaction():
    context.run_migrations()
