"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.CheckConstraint("role IN ('owner', 'annotator')", name=op.f("ck_person_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("name", name=op.f("uq_person_name")),
    )
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("boxes_per_photo", sa.Integer(), nullable=False),
        sa.Column("annotators_per_photo", sa.Integer(), nullable=False),
        sa.Column("guidelines", sa.Text(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("suggestions", sa.Boolean(), nullable=False),
        sa.Column("lease_minutes", sa.Integer(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=True),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.CheckConstraint("annotators_per_photo >= 1", name=op.f("ck_project_annotators")),
        sa.CheckConstraint("boxes_per_photo >= 1", name=op.f("ck_project_boxes")),
        sa.CheckConstraint("lease_minutes >= 1", name=op.f("ck_project_lease")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("name", name=op.f("uq_project_name")),
    )
    op.create_table(
        "member",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.Column("submitted", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_member_person_id")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_member_project_id")),
        sa.PrimaryKeyConstraint("project_id", "person_id", name=op.f("pk_member")),
    )
    op.create_table(
        "photo",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("free", sa.Integer(), nullable=False),
        sa.Column("submitted", sa.Integer(), nullable=False),
        sa.CheckConstraint("width >= 1 AND height >= 1", name=op.f("ck_photo_size")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_photo_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo")),
        sa.UniqueConstraint("id", "width", "height", name=op.f("uq_photo_id_width_height")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_photo_project_id_name")),
    )
    op.create_index("ix_photo_project_id_id", "photo", ["project_id", "id"], unique=False)
    op.create_index(
        "ix_photo_project_id_submitted", "photo", ["project_id", "submitted"], unique=False
    )
    op.create_index(
        "ix_photo_wanting",
        "photo",
        ["project_id", "turn"],
        unique=False,
        sqlite_where=sa.text("free > 0"),
        postgresql_where=sa.text("free > 0"),
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("bad", sa.Text(), nullable=False),
        sa.Column("started", MOMENT, nullable=True),
        sa.Column("finished", MOMENT, nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'lapsed', 'submitted', 'skipped')", name=op.f("ck_assignment_state")
        ),
        sa.CheckConstraint("seconds BETWEEN 0 AND 1e9", name=op.f("ck_assignment_seconds")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_assignment_person_id")),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name=op.f("fk_assignment_photo_id")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_assignment_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint("id", "photo_id", name=op.f("uq_assignment_id_photo_id")),
        sa.UniqueConstraint("photo_id", "person_id", name=op.f("uq_assignment_photo_id_person_id")),
        sa.UniqueConstraint("project_id", "uid", name=op.f("uq_assignment_project_id_uid")),
    )
    op.create_index(
        "ix_assignment_finished",
        "assignment",
        ["project_id", "finished", "person_id"],
        unique=False,
    )
    op.create_index(
        "ix_assignment_leases",
        "assignment",
        ["project_id", "lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_assignment_of_person", "assignment", ["person_id", "project_id", "state"], unique=False
    )
    op.create_table(
        "suggestion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("x0", sa.Double(), nullable=False),
        sa.Column("y0", sa.Double(), nullable=False),
        sa.Column("x1", sa.Double(), nullable=False),
        sa.Column("y1", sa.Double(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("snippet", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.CheckConstraint("(x1 - x0) * (y1 - y0) > 0", name=op.f("ck_suggestion_area")),
        sa.CheckConstraint(
            "0 <= x0 AND x0 < x1 AND x1 <= width", name=op.f("ck_suggestion_x_inside")
        ),
        sa.CheckConstraint(
            "0 <= y0 AND y0 < y1 AND y1 <= height", name=op.f("ck_suggestion_y_inside")
        ),
        sa.ForeignKeyConstraint(
            ["photo_id", "width", "height"],
            ["photo.id", "photo.width", "photo.height"],
            name=op.f("fk_suggestion_photo_id_width_height"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestion")),
        sa.UniqueConstraint(
            "photo_id", "model", "uid", name=op.f("uq_suggestion_photo_id_model_uid")
        ),
    )
    op.create_table(
        "annotation",
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("x0", sa.Double(), nullable=False),
        sa.Column("y0", sa.Double(), nullable=False),
        sa.Column("x1", sa.Double(), nullable=False),
        sa.Column("y1", sa.Double(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("snippet", sa.Text(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "provenance IN ('drawn', 'accepted', 'edited')", name=op.f("ck_annotation_provenance")
        ),
        sa.CheckConstraint("(x1 - x0) * (y1 - y0) > 0", name=op.f("ck_annotation_area")),
        sa.CheckConstraint(
            "0 <= x0 AND x0 < x1 AND x1 <= width", name=op.f("ck_annotation_x_inside")
        ),
        sa.CheckConstraint(
            "0 <= y0 AND y0 < y1 AND y1 <= height", name=op.f("ck_annotation_y_inside")
        ),
        sa.CheckConstraint("seconds BETWEEN 0 AND 1e9", name=op.f("ck_annotation_seconds")),
        sa.ForeignKeyConstraint(
            ["assignment_id", "photo_id"],
            ["assignment.id", "assignment.photo_id"],
            name=op.f("fk_annotation_assignment_id_photo_id"),
        ),
        sa.ForeignKeyConstraint(
            ["photo_id", "width", "height"],
            ["photo.id", "photo.width", "photo.height"],
            name=op.f("fk_annotation_photo_id_width_height"),
        ),
        sa.PrimaryKeyConstraint("assignment_id", "uid", name=op.f("pk_annotation")),
        sa.UniqueConstraint(
            "assignment_id", "place", name=op.f("uq_annotation_assignment_id_place")
        ),
    )
    op.create_table(
        "revision",
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("client_key", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "what IN ('saved', 'submitted', 'skipped', 'reopened', 'marked', 'unmarked')",
            name=op.f("ck_revision_what"),
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_revision_assignment_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_revision_person_id")),
        sa.PrimaryKeyConstraint("assignment_id", "version", name=op.f("pk_revision")),
        sa.UniqueConstraint(
            "assignment_id", "client_key", name=op.f("uq_revision_assignment_id_client_key")
        ),
    )
