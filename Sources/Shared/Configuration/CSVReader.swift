/// Reads the records of a CSV file (RFC 4180, UTF-8), one after the other. Lines may end in CRLF,
/// as runs write them, or in LF alone, as editors leave them. A byte order mark, with which
/// spreadsheets begin a file, is passed over.
package struct CSVReader {
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  /// The number of fields of the last record; every record must have the same number.
  private var fieldCount = 0

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  private static let quote = UInt8(ascii: "\"")
  private static let comma = UInt8(ascii: ",")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  /// - Returns: the fields and the line in which the record begins; `nil` at the end of the file.
  package mutating func next() throws(CSVError) -> (fields: [String], line: Int)? {
    guard position < bytes.count else { return nil }
    let first = line
    var fields: [String] = []
    fields.reserveCapacity(fieldCount)
    while true {
      fields.append(try field())
      guard position < bytes.count else { return (fields, first) }
      let separator = bytes[position]
      position += 1
      if separator == CSVReader.comma { continue }
      if separator == CSVReader.carriageReturn {
        guard position < bytes.count, bytes[position] == CSVReader.lineFeed else {
          throw CSVError(line: line, problem: "found a carriage return inside a field")
        }
        position += 1
      }
      line += 1
      fieldCount = fields.count
      return (fields, first)
    }
  }

  /// Stops at the comma or line end after the field.
  private mutating func field() throws(CSVError) -> String {
    guard position < bytes.count, bytes[position] == CSVReader.quote else {
      let start = position
      while position < bytes.count {
        let byte = bytes[position]
        if byte == CSVReader.comma || byte == CSVReader.lineFeed
          || byte == CSVReader.carriageReturn
        {
          break
        }
        guard byte != CSVReader.quote else {
          throw CSVError(line: line, problem: "found a quote inside a field without quotes")
        }
        position += 1
      }
      return try text(bytes[start..<position], line)
    }
    return try quotedField()
  }

  private mutating func quotedField() throws(CSVError) -> String {
    let opened = line
    position += 1
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == CSVReader.lineFeed { line += 1 }
      guard byte == CSVReader.quote else {
        text.append(byte)
        continue
      }
      if position < bytes.count, bytes[position] == CSVReader.quote {
        text.append(byte)
        position += 1
        continue
      }
      let ends = [CSVReader.comma, CSVReader.lineFeed, CSVReader.carriageReturn]
      guard position == bytes.count || ends.contains(bytes[position]) else {
        throw CSVError(line: line, problem: "found text behind a closing quote")
      }
      return try self.text(text[...], opened)
    }
    throw CSVError(line: opened, problem: "found a quote that is never closed")
  }

  /// Two fields that differ only in damaged bytes would otherwise become the same text.
  private func text(_ bytes: ArraySlice<UInt8>, _ line: Int) throws(CSVError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CSVError(line: line, problem: "found bytes that are not UTF-8 text")
    }
    return text
  }
}

/// The line at which a CSV file is damaged, and what was found there.
package struct CSVError: Error {
  package let line: Int
  package let problem: String
}
