/// A numeric address and a port: `127.0.0.1:7400`, `[::1]:7400`.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  public var host: String
  public var port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  public static func loopback(_ port: UInt16) -> Endpoint {
    Endpoint(host: "127.0.0.1", port: port)
  }

  /// `nil` unless the text is a numeric IPv4 address, or an IPv6 address in brackets, and a port.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
      let port = UInt16(digits)
    else { return nil }
    let host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      let address = host.dropFirst().dropLast()
      guard Endpoint.isIPv6(address) else { return nil }
      self.init(host: String(address), port: port)
    } else {
      guard Endpoint.isIPv4(host) else { return nil }
      self.init(host: String(host), port: port)
    }
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Four decimal numbers up to 255, without leading zeros (RFC 6943 §3.1.1, the strict form).
  private static func isIPv4(_ text: Substring) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        (1...3).contains(part.count) && (part.count == 1 || part.first != UInt8(ascii: "0"))
          && part.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
          && Int(Substring(part)).map { $0 <= 255 } ?? false
      }
  }

  /// Eight groups of up to four hexadecimal digits (RFC 4291 §2.2): `::` stands for the groups that are
  /// missing, at one place, and an IPv4 address may stand for the last two.
  private static func isIPv6(_ text: Substring) -> Bool {
    let halves = text.split(separator: "::", omittingEmptySubsequences: false)
    guard halves.count <= 2 else { return false }
    var count = 0
    for (index, half) in halves.enumerated() where !half.isEmpty {
      let groups = half.split(separator: ":", omittingEmptySubsequences: false)
      for (position, group) in groups.enumerated() {
        let isLast = index == halves.count - 1 && position == groups.count - 1
        if isLast, isIPv4(group) {
          count += 2
        } else if (1...4).contains(group.utf8.count), group.allSatisfy(isHexadecimal) {
          count += 1
        } else {
          return false
        }
      }
    }
    return halves.count == 2 ? count < 8 : count == 8
  }

  private static func isHexadecimal(_ character: Character) -> Bool {
    character.isASCII && character.isHexDigit
  }
}
