import Primitives

/// Draws ranks from 0 to `count` - 1 with probabilities proportional to 1 / (rank + 1)^theta,
/// exactly and for any theta above 0, by rejection-inversion (Hörmann & Derflinger 1996,
/// "Rejection-inversion to generate variates from monotone discrete distributions").
///
/// A point is drawn under the curve x^-theta, whose integral has an inverse, and is rejected if it
/// lies beyond the bar of the nearest whole number.
public struct RejectionInversion: Sendable {
  public let count: Int
  public let theta: Double
  /// The integral of the curve at the right end of the first bar, less that bar's area of 1, and at
  /// the right end of the last bar.
  private let first: Double
  private let last: Double
  /// A point whose distance from the number above it is at most this is never rejected.
  private let squeeze: Double

  public init(count: Int, theta: Double) {
    self.count = count
    self.theta = theta
    first = RejectionInversion.integral(1.5, theta) - 1
    last = RejectionInversion.integral(Double(count) + 0.5, theta)
    squeeze =
      2
      - RejectionInversion.inverse(
        RejectionInversion.integral(2.5, theta) - RealFunctions.pow(2, -theta), theta)
  }

  public func next(_ random: inout RandomStream) -> Int {
    while true {
      let area = last + random.unit() * (first - last)
      let point = RejectionInversion.inverse(area, theta)
      let number = min(max((point + 0.5).rounded(.down), 1), Double(count))
      if number - point <= squeeze
        || area >= RejectionInversion.integral(number + 0.5, theta)
          - RealFunctions.pow(number, -theta)
      {
        return Int(number) - 1
      }
    }
  }

  /// ∫ t^-theta dt from 1 to x, which is (x^(1 - theta) - 1) / (1 - theta), or the logarithm of x
  /// at theta 1.
  static func integral(_ x: Double, _ theta: Double) -> Double {
    let log = RealFunctions.log(x)
    let power = (1 - theta) * log
    return log * relativeExp(power)
  }

  /// The inverse of `integral`.
  static func inverse(_ area: Double, _ theta: Double) -> Double {
    // Rounding must not lead below the smallest power.
    let power = max((1 - theta) * area, -1)
    return RealFunctions.exp(area * relativeLog(power))
  }

  /// (e^x - 1) / x, which is 1 at 0. Near 0 the difference would lose its digits, so a series
  /// replaces it.
  private static func relativeExp(_ x: Double) -> Double {
    guard x.magnitude < 1e-3 else { return (RealFunctions.exp(x) - 1) / x }
    return 1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5)))
  }

  /// log(1 + x) / x, which is 1 at 0.
  private static func relativeLog(_ x: Double) -> Double {
    guard x.magnitude < 1e-3 else { return RealFunctions.log(1 + x) / x }
    return 1 - x * (1.0 / 2 - x * (1.0 / 3 - x * (1.0 / 4 - x * (1.0 / 5 - x / 6))))
  }
}
