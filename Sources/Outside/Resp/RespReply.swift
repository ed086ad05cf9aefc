import Replication
import WireFormat

/// The protocol version of replies: a connection begins with version 2, and may ask for version 3.
/// For the replies of this server, they differ only in nulls, maps, sets and long texts.
public enum RespVersion: Int64, Sendable {
  case two = 2
  case three = 3
}

/// Appends replies to a buffer.
public enum RespReply {
  public static let okBytes = Array("+OK\r\n".utf8)
  public static let nullBytes = Array("$-1\r\n".utf8)
  public static let null3Bytes = Array("_\r\n".utf8)

  public static func ok(into output: inout WireWriter) { output.write(okBytes) }

  /// A line that is not an error. Line ends in it become blanks.
  public static func status(_ text: String, into output: inout WireWriter) {
    line(UInt8(ascii: "+"), Array(text.utf8), into: &output)
  }

  /// - Parameter text: begins with the error's kind in capitals, such as `ERR`. Line ends in it
  ///   become blanks.
  public static func error(_ text: String, into output: inout WireWriter) {
    line(UInt8(ascii: "-"), Array(text.utf8), into: &output)
  }

  public static func error(_ text: [UInt8], into output: inout WireWriter) {
    line(UInt8(ascii: "-"), text, into: &output)
  }

  public static func integer(_ number: Int64, into output: inout WireWriter) {
    head(UInt8(ascii: ":"), number, into: &output)
  }

  public static func bulk(_ bytes: [UInt8], into output: inout WireWriter) {
    head(UInt8(ascii: "$"), Int64(bytes.count), into: &output)
    output.write(bytes)
    lineEnd(into: &output)
  }

  public static func bulk(_ text: String, into output: inout WireWriter) {
    bulk(Array(text.utf8), into: &output)
  }

  public static func null(_ version: RespVersion, into output: inout WireWriter) {
    output.write(version == .two ? nullBytes : null3Bytes)
  }

  /// A text for people to read.
  public static func prose(_ text: String, _ version: RespVersion, into output: inout WireWriter) {
    guard version == .three else { return bulk(text, into: &output) }
    let bytes = Array("txt:\(text)".utf8)
    head(UInt8(ascii: "="), Int64(bytes.count), into: &output)
    output.write(bytes)
    lineEnd(into: &output)
  }

  /// Begins a map; its keys and values follow alternately, as replies.
  public static func map(count: Int, _ version: RespVersion, into output: inout WireWriter) {
    if version == .two {
      array(count: count * 2, into: &output)
    } else {
      head(UInt8(ascii: "%"), Int64(count), into: &output)
    }
  }

  /// Begins a set; its elements follow as replies.
  public static func set(count: Int, _ version: RespVersion, into output: inout WireWriter) {
    head(UInt8(ascii: version == .two ? "*" : "~"), Int64(count), into: &output)
  }

  /// The null that replaces an array.
  public static func nullArray(_ version: RespVersion, into output: inout WireWriter) {
    output.write(version == .two ? Array("*-1\r\n".utf8) : null3Bytes)
  }

  /// Begins an array; its elements follow as replies.
  public static func array(count: Int, into output: inout WireWriter) {
    head(UInt8(ascii: "*"), Int64(count), into: &output)
  }

  private static func line(_ kind: UInt8, _ text: [UInt8], into output: inout WireWriter) {
    output.write(kind)
    output.write(text.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 })
    lineEnd(into: &output)
  }

  private static func lineEnd(into output: inout WireWriter) { output.write(UInt16(0x0A0D)) }

  private static func head(_ kind: UInt8, _ number: Int64, into output: inout WireWriter) {
    // The kind, a sign, 19 digits, the line end.
    output.reserve(23)
    var rest = number.magnitude
    var digits = 1
    var power: UInt64 = 10
    while rest >= power {
      digits += 1
      let (next, overflows) = power.multipliedReportingOverflow(by: 10)
      if overflows { break }
      power = next
    }
    let first = output.count + 1 + (number < 0 ? 1 : 0)
    output.storage[output.count] = kind
    if number < 0 { output.storage[output.count + 1] = UInt8(ascii: "-") }
    var position = first + digits
    while position > first {
      position -= 1
      output.storage[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    output.count = first + digits
    lineEnd(into: &output)
  }
}
