#!/usr/bin/env python3
"""Trims an introspection response of Shopify's Admin API to what this repository uses, without descriptions.

    trim_schema.py INTROSPECTION.json[.gz] --documents DIR [--document FILE]... --out FILE [--wide] [--lenient]

The result contains what the documents use: the selected fields with all their arguments, every field of the input objects
and every value of the enums involved, and every member of a union. With --wide it also contains all scalar and enum fields
of the object types in use, so that other programs' queries find them too. Deprecations are kept.

If a document does not validate against the schema, prints document and reason and exits 1. With --lenient, for a version for
which the documents were not written, it only prints them and keeps what the documents use in that version. The output is
sorted, so that the diff to a new API version is readable. Needs graphql-core from PyPI.
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


class UsageVisitor(Visitor):
    """Collects the types and fields that a document uses."""

    def __init__(self, schema, info):
        super().__init__()
        self.schema, self.info = schema, info
        self.types, self.fields = {}, defaultdict(set)

    def add(self, type_):
        """Adds a type, with the types of its fields (input object) or its members (union)."""
        named = get_named_type(type_) if type_ else None
        if named is None or named.name in self.types or is_specified_scalar_type(named):
            return
        self.types[named.name] = named
        if isinstance(named, GraphQLInputObjectType):
            for field in named.fields.values():
                self.add(field.type)
        elif isinstance(named, GraphQLUnionType):
            for member in named.types:
                self.add(member)

    def add_field(self, parent, name):
        field = parent.fields[name]
        self.add(parent)
        self.add(field.type)
        self.fields[parent.name].add(name)
        for argument in field.args.values():
            self.add(argument.type)

    def enter_field(self, node, *_):
        parent, field = self.info.get_parent_type(), self.info.get_field_def()
        if parent is not None and field is not None and not node.name.value.startswith("__"):
            self.add_field(parent, node.name.value)

    def enter_inline_fragment(self, node, *_):
        if node.type_condition:
            self.add(self.schema.get_type(node.type_condition.name.value))

    def enter_fragment_definition(self, node, *_):
        self.add(self.schema.get_type(node.type_condition.name.value))

    def enter_variable_definition(self, node, *_):
        self.add(type_from_ast(self.schema, node.type))


def load(path):
    raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    response = json.loads(raw)
    response = response.get("data") or response
    return build_client_schema({"__schema": response["__schema"]}, assume_valid=True)


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


def add_required_fields(usage, wide):
    """Adds the fields that a valid schema needs in addition to those the documents select."""
    done = set()
    while pending := [type_ for name, type_ in usage.types.items() if name not in done]:
        for type_ in pending:
            done.add(type_.name)
            if not is_composite(type_):
                continue
            for interface in type_.interfaces:
                if interface.name in usage.types:
                    for name in list(usage.fields[interface.name]):
                        usage.add_field(type_, name)
            leaves = [
                name
                for name, field in type_.fields.items()
                if is_leaf_type(get_named_type(field.type)) and not field.deprecation_reason
            ]
            if wide and type_ not in (usage.schema.query_type, usage.schema.mutation_type):
                for name in leaves:
                    usage.add_field(type_, name)
            if not usage.fields[type_.name]:
                usage.add_field(type_, "id" if "id" in type_.fields else (leaves or list(type_.fields))[0])


def add_interface_fields(usage):
    """Adds to each object the fields of its interfaces, until adding types adds no more fields."""
    grown = True
    while grown:
        grown = False
        for type_ in list(usage.types.values()):
            if not is_composite(type_):
                continue
            for interface in type_.interfaces:
                if interface.name not in usage.types:
                    continue
                missing = usage.fields[interface.name] - usage.fields[type_.name]
                for name in missing:
                    usage.add_field(type_, name)
                    grown = True


def build_trimmed_schema(usage):
    """Builds a schema of the collected types and fields."""
    kept = {}

    def fields_of(type_):
        names = sorted(usage.fields[type_.name])
        return lambda: {name: rebuilt_field(type_.fields[name]) for name in names}

    def rebuilt_field(field):
        from graphql import GraphQLArgument, GraphQLField

        arguments = {
            name: GraphQLArgument(
                rebuilt_type(argument.type),
                default_value=argument.default_value,
                deprecation_reason=argument.deprecation_reason,
            )
            for name, argument in sorted(field.args.items())
        }
        return GraphQLField(rebuilt_type(field.type), args=arguments, deprecation_reason=field.deprecation_reason)

    def rebuilt_type(type_):
        from graphql import GraphQLList, GraphQLNonNull

        if isinstance(type_, GraphQLNonNull):
            return GraphQLNonNull(rebuilt_type(type_.of_type))
        if isinstance(type_, GraphQLList):
            return GraphQLList(rebuilt_type(type_.of_type))
        return type_ if is_specified_scalar_type(type_) else kept[type_.name]

    def interfaces_of(type_):
        return lambda: [kept[i.name] for i in type_.interfaces if i.name in kept]

    def inputs_of(type_):
        from graphql import GraphQLInputField

        return lambda: {
            name: GraphQLInputField(
                rebuilt_type(field.type), default_value=field.default_value, deprecation_reason=field.deprecation_reason
            )
            for name, field in sorted(type_.fields.items())
        }

    def values_of(type_):
        from graphql import GraphQLEnumValue

        return {
            name: GraphQLEnumValue(name, deprecation_reason=value.deprecation_reason)
            for name, value in sorted(type_.values.items())
        }

    for name, type_ in sorted(usage.types.items()):
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
    query = usage.schema.query_type.name
    mutation = usage.schema.mutation_type.name
    return GraphQLSchema(query=kept[query], mutation=kept.get(mutation), types=list(kept.values()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("introspection", type=pathlib.Path)
    parser.add_argument("--documents", type=pathlib.Path, required=True, help="folder of .graphql operations")
    parser.add_argument("--document", type=pathlib.Path, action="append", default=[], help="a further operation file")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--lenient", action="store_true")
    options = parser.parse_args()

    schema = load(options.introspection)
    paths = sorted(options.documents.glob("*.graphql")) + options.document
    documents = read_documents(schema, paths, options.lenient)
    info = TypeInfo(schema)
    usage = UsageVisitor(schema, info)
    for document in documents:
        visit(document, TypeInfoVisitor(info, usage))
    add_required_fields(usage, options.wide)
    add_interface_fields(usage)
    add_required_fields(usage, options.wide)

    text = print_schema(build_trimmed_schema(usage)) + "\n"
    trimmed = build_schema(text)
    for path, document in zip(paths, documents):
        for error in [] if options.lenient else validate(trimmed, document):
            sys.exit(f"{path}, against the trimmed schema: {error.message}")
    options.out.write_text(text)
    fields = sum(map(len, usage.fields.values()))
    print(f"{options.out}: {len(usage.types)} types, {fields} fields, {len(text)} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
