#!/usr/bin/env python3
"""Trims an introspection answer of Shopify's Admin API to what this repository uses, without descriptions.

    trim_schema.py INTROSPECTION.json[.gz] --documents DIR [--document FILE]... --out FILE [--wide] [--lenient]

The result holds what the documents reach: the fields they select with all arguments of those fields, every field of the
input objects and every value of the enums involved, and every member of a union. With --wide it also keeps all scalar and
enum fields of the object types that are reached, so that a stranger's query of such fields finds them too. Marks of
deprecation are kept.

Exits 1, naming document and reason, if a document does not validate against the schema; with --lenient, for a version that
the documents were not written for, that is only reported, and what they reach there is kept. Sorted, so that a new API
version shows as a readable difference. Needs PyPI's graphql-core.
"""

import argparse
import gzip
import json
import pathlib
import sys
from collections import defaultdict

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_client_schema,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_specified_scalar_type,
    parse,
    print_schema,
    type_from_ast,
    validate,
    visit,
)
from graphql import GraphQLSchema


class Reached(Visitor):
    """Notes which types and fields a document reaches."""

    def __init__(self, schema, info):
        super().__init__()
        self.schema, self.info = schema, info
        self.types, self.fields = {}, defaultdict(set)

    def keep(self, type_):
        """Keeps a type, and all that an input object, a union or an argument drags along."""
        named = get_named_type(type_) if type_ else None
        if named is None or named.name in self.types or is_specified_scalar_type(named):
            return
        self.types[named.name] = named
        if isinstance(named, GraphQLInputObjectType):
            for field in named.fields.values():
                self.keep(field.type)
        elif isinstance(named, GraphQLUnionType):
            for member in named.types:
                self.keep(member)

    def keep_field(self, parent, name):
        field = parent.fields[name]
        self.keep(parent)
        self.keep(field.type)
        self.fields[parent.name].add(name)
        for argument in field.args.values():
            self.keep(argument.type)

    def enter_field(self, node, *_):
        parent, field = self.info.get_parent_type(), self.info.get_field_def()
        if parent is not None and field is not None and not node.name.value.startswith("__"):
            self.keep_field(parent, node.name.value)

    def enter_inline_fragment(self, node, *_):
        if node.type_condition:
            self.keep(self.schema.get_type(node.type_condition.name.value))

    def enter_fragment_definition(self, node, *_):
        self.keep(self.schema.get_type(node.type_condition.name.value))

    def enter_variable_definition(self, node, *_):
        self.keep(type_from_ast(self.schema, node.type))


def load(path):
    raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    answer = json.loads(raw)
    answer = answer.get("data") or answer
    return build_client_schema({"__schema": answer["__schema"]}, assume_valid=True)


def read_documents(schema, paths, lenient):
    documents, valid = [], True
    for path in paths:
        document = parse(path.read_text())
        for error in validate(schema, document):
            print(f"{path}: {error.message}", file=sys.stderr)
            valid = False
        documents.append(document)
    if not (valid or lenient):
        sys.exit(1)
    return documents


def is_composite(type_):
    return isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType))


def complete(reached, wide):
    """Adds what a valid schema needs beside what the documents select."""
    done = set()
    while pending := [type_ for name, type_ in reached.types.items() if name not in done]:
        for type_ in pending:
            done.add(type_.name)
            if not is_composite(type_):
                continue
            for interface in type_.interfaces:
                if interface.name in reached.types:
                    for name in list(reached.fields[interface.name]):
                        reached.keep_field(type_, name)
            leaves = [
                name
                for name, field in type_.fields.items()
                if is_leaf_type(get_named_type(field.type)) and not field.deprecation_reason
            ]
            if wide and type_ not in (reached.schema.query_type, reached.schema.mutation_type):
                for name in leaves:
                    reached.keep_field(type_, name)
            if not reached.fields[type_.name]:
                reached.keep_field(type_, "id" if "id" in type_.fields else (leaves or list(type_.fields))[0])


def spread_interfaces(reached):
    """An object must have the fields of the interfaces it is said to implement; new ones may appear while types are added."""
    grown = True
    while grown:
        grown = False
        for type_ in list(reached.types.values()):
            if not is_composite(type_):
                continue
            for interface in type_.interfaces:
                if interface.name not in reached.types:
                    continue
                missing = reached.fields[interface.name] - reached.fields[type_.name]
                for name in missing:
                    reached.keep_field(type_, name)
                    grown = True


def trimmed(reached):
    """A schema of the kept parts alone."""
    kept = {}

    def fields_of(type_):
        names = sorted(reached.fields[type_.name])
        return lambda: {name: rebuilt_field(type_.fields[name]) for name in names}

    def rebuilt_field(field):
        from graphql import GraphQLArgument, GraphQLField

        arguments = {
            name: GraphQLArgument(
                rewire(argument.type),
                default_value=argument.default_value,
                deprecation_reason=argument.deprecation_reason,
            )
            for name, argument in sorted(field.args.items())
        }
        return GraphQLField(rewire(field.type), args=arguments, deprecation_reason=field.deprecation_reason)

    def rewire(type_):
        from graphql import GraphQLList, GraphQLNonNull

        if isinstance(type_, GraphQLNonNull):
            return GraphQLNonNull(rewire(type_.of_type))
        if isinstance(type_, GraphQLList):
            return GraphQLList(rewire(type_.of_type))
        return type_ if is_specified_scalar_type(type_) else kept[type_.name]

    def interfaces_of(type_):
        return lambda: [kept[i.name] for i in type_.interfaces if i.name in kept]

    def inputs_of(type_):
        from graphql import GraphQLInputField

        return lambda: {
            name: GraphQLInputField(
                rewire(field.type), default_value=field.default_value, deprecation_reason=field.deprecation_reason
            )
            for name, field in sorted(type_.fields.items())
        }

    def values_of(type_):
        from graphql import GraphQLEnumValue

        return {
            name: GraphQLEnumValue(name, deprecation_reason=value.deprecation_reason)
            for name, value in sorted(type_.values.items())
        }

    for name, type_ in sorted(reached.types.items()):
        if isinstance(type_, GraphQLScalarType):
            kept[name] = GraphQLScalarType(name)
        elif isinstance(type_, GraphQLEnumType):
            kept[name] = GraphQLEnumType(name, values_of(type_))
        elif isinstance(type_, GraphQLUnionType):
            members = type_.types
            kept[name] = GraphQLUnionType(name, lambda members=members: [kept[m.name] for m in members])
        elif isinstance(type_, GraphQLInputObjectType):
            kept[name] = GraphQLInputObjectType(name, inputs_of(type_))
        elif isinstance(type_, GraphQLInterfaceType):
            kept[name] = GraphQLInterfaceType(name, fields_of(type_), interfaces_of(type_))
        else:
            kept[name] = GraphQLObjectType(name, fields_of(type_), interfaces_of(type_))
    query = reached.schema.query_type.name
    mutation = reached.schema.mutation_type.name
    return GraphQLSchema(query=kept[query], mutation=kept.get(mutation), types=list(kept.values()))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("introspection", type=pathlib.Path)
    options.add_argument("--documents", type=pathlib.Path, required=True, help="folder of .graphql operations")
    options.add_argument("--document", type=pathlib.Path, action="append", default=[], help="a further one")
    options.add_argument("--out", type=pathlib.Path, required=True)
    options.add_argument("--wide", action="store_true")
    options.add_argument("--lenient", action="store_true")
    chosen = options.parse_args()

    schema = load(chosen.introspection)
    paths = sorted(chosen.documents.glob("*.graphql")) + chosen.document
    documents = read_documents(schema, paths, chosen.lenient)
    info = TypeInfo(schema)
    reached = Reached(schema, info)
    for document in documents:
        visit(document, TypeInfoVisitor(info, reached))
    complete(reached, chosen.wide)
    spread_interfaces(reached)
    complete(reached, chosen.wide)

    text = print_schema(trimmed(reached)) + "\n"
    small = build_schema(text)
    for path, document in zip(paths, documents):
        for error in [] if chosen.lenient else validate(small, document):
            sys.exit(f"{path}, against the trimmed schema: {error.message}")
    chosen.out.write_text(text)
    fields = sum(map(len, reached.fields.values()))
    print(f"{chosen.out}: {len(reached.types)} types, {fields} fields, {len(text)} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
