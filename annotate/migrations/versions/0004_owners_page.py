"""Projects that are archived or for some people only, invitations, when people were last active."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Every project stays open to everybody, as it was."""
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("projects", sa.JSON(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("used", MOMENT, nullable=True),
        sa.CheckConstraint("role IN ('owner', 'annotator')", name=op.f("ck_invitation_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    # Not by `batch_alter_table`: SQLite would make the tables anew, to which others refer.
    for table, column, type_, default in (
        ("project", "members_only", sa.Boolean(), sa.false()),
        ("project", "archived", sa.Boolean(), sa.false()),
        ("member", "admitted", sa.Boolean(), sa.true()),
    ):
        op.add_column(table, sa.Column(column, type_, nullable=False, server_default=default))
    op.add_column("person", sa.Column("active", MOMENT, nullable=True))
