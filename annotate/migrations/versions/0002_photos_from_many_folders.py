"""A project's photos lie in many folders, or in the database itself."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ABSENT = sa.text("file IS NULL")


def upgrade() -> None:
    """Every photo gets the folder that its project had."""
    op.create_table(
        "folder",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_folder_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folder")),
        sa.UniqueConstraint("project_id", "path", name=op.f("uq_folder_project_id_path")),
    )
    op.create_table(
        "upload",
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name=op.f("fk_upload_photo_id")),
        sa.PrimaryKeyConstraint("photo_id", name=op.f("pk_upload")),
    )
    # Not by `batch_alter_table`: SQLite would make the tables anew, to which others refer.
    op.execute(
        "ALTER TABLE photo ADD COLUMN folder_id INTEGER"
        " CONSTRAINT fk_photo_folder_id REFERENCES folder (id)"
    )
    op.execute("ALTER TABLE photo ADD COLUMN file TEXT")
    op.execute(
        "INSERT INTO folder (project_id, path)"
        " SELECT id, folder FROM project WHERE folder IS NOT NULL"
    )
    op.execute(
        "UPDATE photo SET file = name, folder_id ="
        " (SELECT folder.id FROM folder WHERE folder.project_id = photo.project_id)"
        " WHERE project_id IN (SELECT project_id FROM folder)"
    )
    op.create_index(
        op.f("ix_photo_absent"),
        "photo",
        ["project_id"],
        sqlite_where=ABSENT,
        postgresql_where=ABSENT,
    )
    op.execute("ALTER TABLE project DROP COLUMN folder")
