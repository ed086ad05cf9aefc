import Configuration

/// Reads the records of a CSV file with a header line, one after the other.
struct CSVRecords {
  /// The file's name in messages.
  let file: String
  private(set) var columns: [String] = []
  private var reader: CSVReader

  init(_ bytes: [UInt8], file: String) throws(ReportError) {
    self.file = file
    reader = CSVReader(bytes)
    guard let header = try nextFields() else {
      throw ReportError("\(file): found an empty file, allowed a header line with columns")
    }
    columns = header.fields
  }

  /// The index of a column that the report needs.
  func column(_ name: String) throws(ReportError) -> Int {
    if let index = columns.firstIndex(of: name) { return index }
    throw ReportError(
      "\(file): found no column \(name), which this version needs; run "
        + "the experiment again")
  }

  /// `nil` at the end of the file.
  mutating func next() throws(ReportError) -> CSVRecord? {
    guard let (fields, line) = try nextFields() else { return nil }
    guard fields.count == columns.count else {
      throw ReportError(
        "\(file): line \(line): found \(fields.count) fields, allowed \(columns.count) as in the "
          + "header")
    }
    return CSVRecord(file: file, line: line, columns: columns, fields: fields)
  }

  private mutating func nextFields() throws(ReportError) -> (fields: [String], line: Int)? {
    do throws(CSVError) {
      return try reader.next()
    } catch {
      throw ReportError("\(file): line \(error.line): \(error.problem)")
    }
  }
}

/// One line of a CSV file.
struct CSVRecord {
  let file: String
  let line: Int
  let columns: [String]
  let fields: [String]

  /// `nil` for an empty cell, which means "not applicable".
  func number(_ column: Int) throws(ReportError) -> Double? {
    let text = fields[column]
    if text.isEmpty { return nil }
    guard let value = Double(text), value.isFinite else {
      throw wrong(column, allowed: "a number or nothing")
    }
    return value
  }

  func requiredNumber(_ column: Int) throws(ReportError) -> Double {
    guard let value = try number(column) else { throw wrong(column, allowed: "a number") }
    return value
  }

  func flag(_ column: Int) throws(ReportError) -> Bool {
    switch fields[column] {
    case "true": return true
    case "false": return false
    default: throw wrong(column, allowed: "true or false")
    }
  }

  func wrong(_ column: Int, allowed: String) -> ReportError {
    ReportError(
      "\(file): line \(line): \(columns[column]): found \"\(fields[column].prefix(60))\", "
        + "allowed \(allowed)")
  }
}

/// Why a report cannot be drawn, in one sentence for the person at the terminal.
package struct ReportError: Error, Equatable, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
