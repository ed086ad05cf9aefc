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
  /// All spellings of an IPv6 address give equal endpoints.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
      let port = UInt16(digits)
    else { return nil }
    let host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      guard let address = Endpoint.canonicalIPv6(host.dropFirst().dropLast()) else { return nil }
      self.init(host: address, port: port)
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

  /// The address in the canonical form of RFC 5952 §4, so that all its spellings become equal;
  /// `nil` if the text is not an IPv6 address.
  ///
  /// Eight groups of up to four hexadecimal digits (RFC 4291 §2.2): `::` may stand once for the
  /// missing groups, and an IPv4 address may stand for the last two.
  private static func canonicalIPv6(_ text: Substring) -> String? {
    let halves = text.split(separator: "::", omittingEmptySubsequences: false)
    guard halves.count <= 2 else { return nil }
    var parsed: [[UInt16]] = []
    for (index, half) in halves.enumerated() {
      guard let groups = groups(of: half, isLast: index == halves.count - 1) else { return nil }
      parsed.append(groups)
    }
    let missing = 8 - parsed.reduce(0) { $0 + $1.count }
    guard halves.count == 2 ? missing > 0 : missing == 0 else { return nil }
    return text5952(
      parsed[0] + Array(repeating: 0, count: missing) + (parsed.dropFirst().first ?? []))
  }

  private static func groups(of half: Substring, isLast: Bool) -> [UInt16]? {
    var numbers: [UInt16] = []
    guard !half.isEmpty else { return numbers }
    let groups = half.split(separator: ":", omittingEmptySubsequences: false)
    for (position, group) in groups.enumerated() {
      if isLast, position == groups.count - 1, isIPv4(group) {
        let parts = group.split(separator: ".").compactMap { UInt16($0) }
        numbers += [parts[0] << 8 | parts[1], parts[2] << 8 | parts[3]]
      } else if (1...4).contains(group.utf8.count), group.allSatisfy(isHexadecimal),
        let number = UInt16(group, radix: 16)
      {
        numbers.append(number)
      } else {
        return nil
      }
    }
    return numbers
  }

  /// Formats groups. `::` replaces the longest run of at least two zero groups, or the first one if
  /// several are equally long.
  private static func text5952(_ groups: [UInt16]) -> String {
    var best = 0..<0
    var start = 0
    for (index, group) in groups.enumerated() {
      if group != 0 {
        start = index + 1
      } else if index + 1 - start > max(best.count, 1) {
        best = start..<index + 1
      }
    }
    func joined(_ part: ArraySlice<UInt16>) -> String {
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard !best.isEmpty else { return joined(groups[...]) }
    return joined(groups[..<best.lowerBound]) + "::" + joined(groups[best.upperBound...])
  }

  private static func isHexadecimal(_ character: Character) -> Bool {
    character.isASCII && character.isHexDigit
  }
}
