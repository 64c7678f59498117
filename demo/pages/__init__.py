"""The pages: a folder each, and a line here."""

from demo.web.pages import Page

PAGES = (
    Page("align", "Align", "/examples", ("describer",), parameter="example"),
    Page("browse", "Browse", "/groundings", ("groundings",), parameter="photo"),
    Page("search", "Search", "/groundings", ("groundings",)),
    Page("errors", "Errors", "/groundings", ("groundings",)),
    Page("annotate", "Annotate", "/annotate", ("sessions",)),
)
