/// A CSV file in the making, as RFC 4180 wants it: records end in CRLF; a field with a comma, a quote or
/// a line break is quoted, and quotes in it are doubled. UTF-8, one header line.
struct CSVText {
  private(set) var bytes: [UInt8] = []

  init(header: [String]) { append(header) }

  mutating func append(_ record: [String]) {
    for (index, field) in record.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      append(field: field)
    }
    bytes.append(UInt8(ascii: "\r"))
    bytes.append(UInt8(ascii: "\n"))
  }

  private mutating func append(field: String) {
    let quote = UInt8(ascii: "\"")
    let special: [UInt8] = [quote, UInt8(ascii: ","), UInt8(ascii: "\r"), UInt8(ascii: "\n")]
    guard field.utf8.contains(where: special.contains) else {
      bytes.append(contentsOf: field.utf8)
      return
    }
    bytes.append(quote)
    for byte in field.utf8 {
      if byte == quote { bytes.append(quote) }
      bytes.append(byte)
    }
    bytes.append(quote)
  }
}

extension CSVText {
  /// The records of a file, the header first; nil if quotes are misplaced. Lines may end in LF alone, as
  /// editors leave them.
  static func records(_ bytes: [UInt8]) -> [[String]]? {
    let (quote, comma) = (UInt8(ascii: "\""), UInt8(ascii: ","))
    let (carriageReturn, lineFeed) = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))
    var records: [[String]] = []
    var record: [String] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      var field: [UInt8] = []
      if rest.first == quote {
        rest = rest.dropFirst()
        while let byte = rest.popFirst(), byte != quote || rest.first == quote {
          if byte == quote { rest = rest.dropFirst() }
          field.append(byte)
          if rest.isEmpty { return nil }
        }
      } else {
        let plain = rest.prefix { $0 != comma && $0 != carriageReturn && $0 != lineFeed }
        if plain.contains(quote) { return nil }
        field = Array(plain)
        rest = rest.dropFirst(plain.count)
      }
      record.append(String(decoding: field, as: UTF8.self))
      guard let separator = rest.popFirst() else { break }
      if separator == comma {
        if rest.isEmpty { record.append("") }
        continue
      }
      if separator == carriageReturn, rest.popFirst() != lineFeed { return nil }
      if ![carriageReturn, lineFeed].contains(separator) { return nil }
      records.append(record)
      record = []
    }
    if !record.isEmpty { records.append(record) }
    return records
  }
}
