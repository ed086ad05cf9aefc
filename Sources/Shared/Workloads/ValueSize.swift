import Primitives

/// The size of written values in bytes: at least 8, so that every value can be unique, and at most
/// `largest`.
public enum ValueSize: Sendable, Equatable {
  case fixed(Int)
  /// Every size in the range is equally likely.
  case uniform(ClosedRange<Int>)
  /// `sigma` is the standard deviation of the logarithm. Sizes beyond the limits are moved to them.
  case lognormal(median: Int, sigma: Double)
  /// Each size has the share of its weight; the weights need not add up to 1.
  case weighted([Weight])

  public struct Weight: Sendable, Equatable {
    public var size: Int
    public var weight: Double

    public init(size: Int, weight: Double) {
      self.size = size
      self.weight = weight
    }
  }

  public static let smallest = 8
  public static let largest = 1 << 20

  /// The size of a value. A fixed size draws no number, so that it changes no other draw.
  public func draw(_ random: inout RandomStream) -> Int {
    switch self {
    case .fixed(let size): return size
    case .uniform(let range): return range.lowerBound + random.below(range.count)
    case .lognormal(let median, let sigma):
      return ValueSize.lognormal(median, sigma, max(random.unit(), 0x1p-54))
    case .weighted(let weights):
      var rest = random.unit() * weights.reduce(0) { $0 + $1.weight }
      for weight in weights {
        rest -= weight.weight
        if rest < 0 { return weight.size }
      }
      // Rounding can leave a rest after the last weight.
      return weights.last { $0.weight > 0 }?.size ?? ValueSize.smallest
    }
  }

  private static func lognormal(_ median: Int, _ sigma: Double, _ probability: Double) -> Int {
    let size = Double(median) * RealFunctions.exp(sigma * RealFunctions.normalQuantile(probability))
    return Int(min(max(size.rounded(), Double(smallest)), Double(largest)))
  }

  public var mean: Double {
    switch self {
    case .fixed(let size): return Double(size)
    case .uniform(let range): return Double(range.lowerBound + range.upperBound) / 2
    case .lognormal(let median, let sigma):
      // The limits cut off a tail, so the formula of the unlimited distribution would be too large.
      let cells = 2000
      let sum = (0..<cells).reduce(0.0) { sum, cell in
        sum + Double(ValueSize.lognormal(median, sigma, (Double(cell) + 0.5) / Double(cells)))
      }
      return sum / Double(cells)
    case .weighted(let weights):
      let all = weights.reduce(0) { $0 + $1.weight }
      return weights.reduce(0) { $0 + Double($1.size) * $1.weight } / all
    }
  }

  /// No value is larger.
  public var upperBound: Int {
    switch self {
    case .fixed(let size): size
    case .uniform(let range): range.upperBound
    case .lognormal(let median, let sigma): sigma == 0 ? median : ValueSize.largest
    case .weighted(let weights): weights.map(\.size).max() ?? ValueSize.smallest
    }
  }
}

extension ValueSize: ExpressibleByIntegerLiteral {
  public init(integerLiteral size: Int) { self = .fixed(size) }
}
