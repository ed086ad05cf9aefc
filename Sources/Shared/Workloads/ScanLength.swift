import Primitives

/// The number of keys that a scan reads.
public enum ScanLength: Sendable, Equatable {
  case fixed(Int)
  /// Every number in the range is equally likely.
  case uniform(ClosedRange<Int>)

  public static let largest = 10_000

  func draw(_ random: inout RandomStream) -> Int {
    switch self {
    case .fixed(let count): count
    case .uniform(let range): range.lowerBound + random.below(range.count)
    }
  }

  public var upperBound: Int {
    switch self {
    case .fixed(let count): count
    case .uniform(let range): range.upperBound
    }
  }

  public var mean: Double {
    switch self {
    case .fixed(let count): Double(count)
    case .uniform(let range): Double(range.lowerBound + range.upperBound) / 2
    }
  }
}
