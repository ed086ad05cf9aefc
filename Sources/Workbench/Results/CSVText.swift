/// Builds a CSV file as RFC 4180 defines it: records end in CRLF; a field with a comma, a quote or
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
