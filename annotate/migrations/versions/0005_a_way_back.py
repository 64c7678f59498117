"""Work that is given back with a reason, approved, and remarked on."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing that was submitted is approved yet."""
    # Not by `batch_alter_table`: SQLite would make the table anew, to which others refer.
    op.add_column("assignment", sa.Column("returned", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "assignment", sa.Column("approved", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "remark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_remark_assignment_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_remark_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remark")),
    )
    op.create_index("ix_remark_assignment_id", "remark", ["assignment_id"], unique=False)
