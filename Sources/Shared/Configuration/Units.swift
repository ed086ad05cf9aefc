import Replication

/// A unit by name and its size in the base unit: nanoseconds, bytes, bits or bytes per second.
package struct Unit {
  package let name: String
  package let size: Int64

  package static let durations = [
    Unit(name: "ns", size: 1), Unit(name: "us", size: 1_000), Unit(name: "ms", size: 1_000_000),
    Unit(name: "s", size: 1_000_000_000), Unit(name: "m", size: 60_000_000_000),
  ]
  package static let sizes = [
    Unit(name: "B", size: 1), Unit(name: "kB", size: 1_000), Unit(name: "KiB", size: 1 << 10),
    Unit(name: "MB", size: 1_000_000), Unit(name: "MiB", size: 1 << 20),
    Unit(name: "GiB", size: 1 << 30),
  ]
  package static let bandwidths = [
    Unit(name: "bps", size: 1), Unit(name: "kbps", size: 1_000),
    Unit(name: "Mbps", size: 1_000_000), Unit(name: "Gbps", size: 1_000_000_000),
  ]
  package static let byteRates = [
    Unit(name: "B/s", size: 1), Unit(name: "kB/s", size: 1_000), Unit(name: "KiB/s", size: 1 << 10),
    Unit(name: "MB/s", size: 1_000_000), Unit(name: "MiB/s", size: 1 << 20),
    Unit(name: "GB/s", size: 1_000_000_000), Unit(name: "GiB/s", size: 1 << 30),
  ]
}

/// A decimal number followed by a unit, as texts: `"-1.5"` and `"ms"`.
package struct Quantity {
  package let negative: Bool
  package let whole: Substring
  package let fraction: Substring
  package let unit: Substring

  /// `nil` unless the text is an optional minus, digits, optionally a point and digits, and a unit.
  package init?(_ text: String) {
    var rest = text[...]
    negative = rest.hasPrefix("-")
    if negative { rest = rest.dropFirst() }
    whole = rest.prefix { ("0"..."9").contains($0) }
    rest = rest.dropFirst(whole.count)
    if rest.hasPrefix(".") {
      fraction = rest.dropFirst().prefix { ("0"..."9").contains($0) }
      rest = rest.dropFirst(fraction.count + 1)
      guard !fraction.isEmpty else { return nil }
    } else {
      fraction = ""
    }
    unit = rest
    guard !whole.isEmpty, whole.count + fraction.count <= 400 else { return nil }
  }

  /// The number without its unit.
  package var number: Double {
    let value = Double("\(whole).\(fraction)0") ?? .infinity
    return negative ? -value : value
  }

  package enum Count: Equatable {
    /// The number in the base unit; `Int64.max` if it does not fit.
    case exact(Int64)
    case unknownUnit
    case notWhole
  }

  /// The number in the base unit by exact decimal arithmetic: `"0.1s"` is exactly 100 000 000 ns,
  /// without the error of a binary fraction.
  package func count(in units: [Unit]) -> Count {
    guard let size = units.first(where: { $0.name == unit })?.size else { return .unknownUnit }
    var scale = size
    var total = Int64(whole).map { $0.multipliedReportingOverflow(by: size) }
      .flatMap { $0.overflow ? nil : $0.partialValue }
    for digit in fraction {
      guard let value = digit.wholeNumberValue.map(Int64.init) else { return .notWhole }
      guard scale % 10 == 0 || value == 0 else {
        // A unit such as KiB is not a power of ten, but its fractions may still be whole bytes.
        return fractionOfBinaryUnit(size: size)
      }
      scale /= 10
      total = total.flatMap { sum in
        let (result, overflow) = sum.addingReportingOverflow(value * scale)
        return overflow ? nil : result
      }
    }
    let magnitude = total ?? .max
    return .exact(negative ? -magnitude : magnitude)
  }

  private func fractionOfBinaryUnit(size: Int64) -> Count {
    let value = number * Double(size)
    guard value == value.rounded() else { return .notWhole }
    return .exact(Int64(exactly: value) ?? (negative ? -.max : .max))
  }

  /// The number in the largest unit of which it is a multiple: `4KiB`, `10Gbps`.
  package static func text(_ value: Int64, units: [Unit]) -> String {
    let fitting = units.filter { $0.size > 1 && value != 0 && value % $0.size == 0 }
    guard let unit = fitting.max(by: { $0.size < $1.size }) else {
      return "\(value)\(units[0].name)"
    }
    return "\(value / unit.size)\(unit.name)"
  }
}

extension Interval {
  package static let hour = Interval.seconds(3600)
}
