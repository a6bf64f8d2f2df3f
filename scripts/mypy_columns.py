"""A plugin for mypy: a column read from a table's class (`Order.status`) is a column, not the value of a row.

SQLModel declares both with one annotation, so without this every `where(Order.status == …)` would look like a bool.
"""

from collections.abc import Callable

from mypy.nodes import TypeInfo, Var
from mypy.plugin import AttributeContext, Plugin
from mypy.types import Instance, Type

TABLES_BASE = "models.base.Table"
COLUMN_MODULE, COLUMN_CLASS = "sqlalchemy.orm.attributes", "InstrumentedAttribute"


class ColumnPlugin(Plugin):
    """Gives the columns of our tables the type that SQLAlchemy's statements work with."""

    def get_class_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        """Take part wherever an attribute of a table's class is read."""
        class_name, _, attribute = fullname.rpartition(".")
        found = self.lookup_fully_qualified(class_name)
        if found is None or not isinstance(found.node, TypeInfo) or not found.node.has_base(TABLES_BASE):
            return None
        declared = found.node.get(attribute)
        is_column = declared is not None and isinstance(declared.node, Var) and not declared.node.is_classvar
        return _as_column if is_column and not attribute.startswith("_") and attribute != "metadata" else None


def _as_column(context: AttributeContext) -> Type:
    # Found by its module, since the checked file need not import it.
    module = context.api.modules.get(COLUMN_MODULE)  # type: ignore[attr-defined]
    column = module.names[COLUMN_CLASS].node if module else None
    return Instance(column, [context.default_attr_type]) if isinstance(column, TypeInfo) else context.default_attr_type


def plugin(_version: str) -> type[ColumnPlugin]:
    """The name by which mypy finds a plugin."""
    return ColumnPlugin
