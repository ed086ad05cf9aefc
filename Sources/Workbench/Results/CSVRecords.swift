import Configuration

/// Reads the records of a CSV file with a header line, one after the other.
package struct CSVRecords {
  /// The file's name in messages.
  package let file: String
  package private(set) var columns: [String] = []
  private var reader: CSVReader

  package init(_ bytes: [UInt8], file: String) throws(RunFileError) {
    self.file = file
    reader = CSVReader(bytes)
    guard let header = try nextFields() else {
      throw RunFileError("\(file): found an empty file, allowed a header line with columns")
    }
    columns = header.fields
  }

  /// The index of a column that the reader needs.
  package func column(_ name: String) throws(RunFileError) -> Int {
    if let index = columns.firstIndex(of: name) { return index }
    throw RunFileError(
      "\(file): found no column \(name), which this version needs; run "
        + "the experiment again")
  }

  /// `nil` at the end of the file.
  package mutating func next() throws(RunFileError) -> CSVRecord? {
    guard let (fields, line) = try nextFields() else { return nil }
    guard fields.count == columns.count else {
      throw RunFileError(
        "\(file): line \(line): found \(fields.count) fields, allowed \(columns.count) as in the "
          + "header")
    }
    return CSVRecord(file: file, line: line, columns: columns, fields: fields)
  }

  private mutating func nextFields() throws(RunFileError) -> (fields: [String], line: Int)? {
    do throws(CSVError) {
      return try reader.next()
    } catch {
      throw RunFileError("\(file): line \(error.line): \(error.problem)")
    }
  }
}

/// One line of a CSV file.
package struct CSVRecord {
  package let file: String
  package let line: Int
  package let columns: [String]
  package let fields: [String]

  /// `nil` for an empty cell, which means "not applicable".
  package func number(_ column: Int) throws(RunFileError) -> Double? {
    let text = fields[column]
    if text.isEmpty { return nil }
    guard let value = Double(text), value.isFinite else {
      throw wrong(column, allowed: "a number or nothing")
    }
    return value
  }

  package func requiredNumber(_ column: Int) throws(RunFileError) -> Double {
    guard let value = try number(column) else { throw wrong(column, allowed: "a number") }
    return value
  }

  package func flag(_ column: Int) throws(RunFileError) -> Bool {
    switch fields[column] {
    case "true": return true
    case "false": return false
    default: throw wrong(column, allowed: "true or false")
    }
  }

  package func wrong(_ column: Int, allowed: String) -> RunFileError {
    RunFileError(
      "\(file): line \(line): \(columns[column]): found \"\(fields[column].prefix(60))\", "
        + "allowed \(allowed)")
  }
}

/// Why a file of a run cannot be used, in one sentence for the person at the terminal.
package struct RunFileError: Error, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
