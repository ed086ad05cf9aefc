/// `datapackage.json`: a Frictionless Tabular Data Package that describes every column of every CSV
/// file. `unit` is an additional property, which the Table Schema allows.
struct DataPackage {
  var outline: RunOutline

  var text: String {
    JSONText.object([
      .init("profile", "tabular-data-package"),
      .init("name", .string(DataPackage.slug("\(outline.name)-\(outline.seed)"))),
      .init("title", .string("\(outline.name), seed \(outline.seed)")),
      .init("resources", .array(ResultFile.all(outline).map(resource))),
    ]).text
  }

  private func resource(_ file: ResultFile) -> JSONText {
    var schema: [JSONText.Member] = [.init("fields", .array(file.fields.map(field)))]
    schema.append(.init("missingValues", .strings([""])))
    if !file.primaryKey.isEmpty {
      schema.append(.init("primaryKey", .strings(file.primaryKey)))
    }
    return .object([
      .init("profile", "tabular-data-resource"),
      .init("name", .string(file.name)),
      .init("path", .string(file.fileName)),
      .init("description", .string(file.meaning)),
      .init("format", "csv"),
      .init("mediatype", "text/csv"),
      .init("encoding", "utf-8"),
      .init(
        "dialect",
        .object([
          .init("delimiter", ","), .init("lineTerminator", "\r\n"), .init("quoteChar", "\""),
          .init("doubleQuote", true), .init("header", true),
        ])),
      .init("schema", .object(schema)),
    ])
  }

  private func field(_ field: Field) -> JSONText {
    var members: [JSONText.Member] = [
      .init("name", .string(field.name)), .init("type", .string(field.kind.rawValue)),
    ]
    if !field.unit.isEmpty { members.append(.init("unit", .string(field.unit))) }
    members.append(.init("description", .string(field.meaning)))
    var constraints: [JSONText.Member] = []
    if field.isRequired { constraints.append(.init("required", true)) }
    if !field.allowed.isEmpty { constraints.append(.init("enum", .strings(field.allowed))) }
    if !constraints.isEmpty { members.append(.init("constraints", .object(constraints))) }
    return .object(members)
  }

  /// Package names may hold only lower-case letters, digits, `.`, `-`, `_` and `/`.
  private static func slug(_ name: String) -> String {
    String(
      name.lowercased().map { character in
        "abcdefghijklmnopqrstuvwxyz0123456789.-_".contains(character) ? character : "-"
      })
  }
}
