/// The relevant parts of a JSON answer of etcd's gateway. The rest is checked for its form and
/// skipped.
struct EtcdAnswer: Equatable {
  /// Every answer of etcd has a header.
  var hasHeader = false
  /// The first value of `kvs`; empty values are omitted in the JSON.
  var value: [UInt8]?
  /// Number of keys that a delete removed; 0 is omitted in the JSON.
  var deleted: Int64 = 0
  /// The text of an error.
  var error: String?

  /// - Returns: `nil` if the bytes are not a JSON object of the expected form.
  init?(_ bytes: [UInt8]) {
    var reader = JSONReader(bytes)
    guard read(&reader), reader.isAtEnd else { return nil }
  }

  private mutating func read(_ reader: inout JSONReader) -> Bool {
    reader.object { key, reader in
      switch key {
      case "header":
        hasHeader = true
        return reader.skipValue()
      case "kvs":
        return reader.array { index, reader in
          index == 0 ? readPair(&reader) : reader.skipValue()
        }
      case "deleted":
        // 64-bit numbers are in quotes; older versions write them without.
        guard let number = reader.integer() else { return false }
        deleted = number
        return true
      case "error", "message":
        // Streams have an object here, all other answers a text.
        guard let text = reader.string() else { return reader.skipValue() }
        error = error ?? TargetFault.printable(reader.bytes, in: text)
        return true
      default: return reader.skipValue()
      }
    }
  }

  private mutating func readPair(_ reader: inout JSONReader) -> Bool {
    value = []
    return reader.object { key, reader in
      guard key == "value" else { return reader.skipValue() }
      guard let text = reader.string(), let bytes = Base64.decode(reader.bytes, in: text)
      else { return false }
      value = bytes
      return true
    }
  }
}
