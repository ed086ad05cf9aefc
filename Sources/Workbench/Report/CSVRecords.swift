/// The records of a CSV file (RFC 4180, UTF-8, one header line), one after the other. Lines may end
/// in CRLF, as runs write them, or in LF alone, as editors leave them.
struct CSVRecords {
  /// For messages.
  let file: String
  private(set) var columns: [String] = []
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1

  init(_ bytes: [UInt8], file: String) throws(ReportError) {
    self.file = file
    self.bytes = bytes
    guard let header = try nextFields() else {
      throw ReportError("\(file): found an empty file, allowed a header line with columns")
    }
    columns = header.fields
  }

  /// The place of a column that the report needs.
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

  private static let quote = UInt8(ascii: "\"")
  private static let comma = UInt8(ascii: ",")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  private mutating func nextFields() throws(ReportError) -> (fields: [String], line: Int)? {
    guard position < bytes.count else { return nil }
    let first = line
    var fields: [String] = []
    fields.reserveCapacity(columns.count)
    while true {
      fields.append(try field())
      guard position < bytes.count else { return (fields, first) }
      let separator = bytes[position]
      position += 1
      if separator == CSVRecords.comma { continue }
      if separator == CSVRecords.carriageReturn {
        guard position < bytes.count, bytes[position] == CSVRecords.lineFeed else {
          throw ReportError("\(file): line \(line): found a carriage return inside a field")
        }
        position += 1
      }
      line += 1
      return (fields, first)
    }
  }

  /// Stops at the comma or line end behind the field.
  private mutating func field() throws(ReportError) -> String {
    guard position < bytes.count, bytes[position] == CSVRecords.quote else {
      let start = position
      while position < bytes.count {
        let byte = bytes[position]
        if byte == CSVRecords.comma || byte == CSVRecords.lineFeed
          || byte == CSVRecords.carriageReturn
        {
          break
        }
        guard byte != CSVRecords.quote else {
          throw ReportError("\(file): line \(line): found a quote inside a field without quotes")
        }
        position += 1
      }
      return String(decoding: bytes[start..<position], as: UTF8.self)
    }
    return try quotedField()
  }

  private mutating func quotedField() throws(ReportError) -> String {
    let opened = line
    position += 1
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == CSVRecords.lineFeed { line += 1 }
      guard byte == CSVRecords.quote else {
        text.append(byte)
        continue
      }
      if position < bytes.count, bytes[position] == CSVRecords.quote {
        text.append(byte)
        position += 1
        continue
      }
      let ends = [CSVRecords.comma, CSVRecords.lineFeed, CSVRecords.carriageReturn]
      guard position == bytes.count || ends.contains(bytes[position]) else {
        throw ReportError("\(file): line \(line): found text behind a closing quote")
      }
      return String(decoding: text, as: UTF8.self)
    }
    throw ReportError("\(file): line \(opened): found a quote that is never closed")
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
