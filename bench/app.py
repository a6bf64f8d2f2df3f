"""The served app, with additional bare routes for comparison."""

from quart import Quart, Response

from models.session import current_database
from run import create_app as create_served_app
from web.guards import public


def create_app() -> Quart:
    """The served app and its bare routes."""
    app = create_served_app()

    @app.get("/bench/bare")
    @public
    async def bare() -> Response:
        """A JSON route that does nothing."""
        return Response(b'{"ok":true}', content_type="application/json")

    @app.get("/bench/rows")
    @public
    async def bare_rows() -> Response:
        """The product list's own statement on asyncpg, with plain JSON."""
        from bench.product_list import answer_bare

        return Response(await answer_bare(current_database()), content_type="application/json")

    return app
