/// Student's t distribution, by the incomplete beta function (DLMF §8.17; Abramowitz & Stegun 1964,
/// 26.5 and 26.7). Only the arithmetic of `exp` and `log` above is used.
extension RealFunctions {
  /// The probability that a variable of Student's distribution is farther from 0 than `t`, on
  /// either side. The relative error is below 10⁻¹² up to 1,000 degrees, also for small
  /// probabilities.
  ///
  /// - Parameter degrees: of freedom, at least 1.
  public static func studentTails(_ t: Double, degrees: Int) -> Double {
    precondition(degrees >= 1)
    guard t == t else { return t }
    guard t.isFinite else { return 0 }
    let n = Double(degrees)
    // I_x(n/2, 1/2) with x = n / (n + t²) (A&S 26.7.1, 26.5.27). x and 1 - x are both formed by a
    // division, because a subtraction would lose digits.
    let square = t * t
    let x = n / (n + square)
    let y = square / (n + square)
    guard y > 0 else { return 1 }
    guard x > 0 else { return 0 }
    let factor = exp(n / 2 * log(x) + 0.5 * log(y)) / beta(halves: degrees)
    // The fraction converges fast for x below the mean of the beta distribution, its mirror above.
    return x < (n / 2 + 1) / (n / 2 + 2.5)
      ? factor * betaFraction(x, n / 2, 0.5) / (n / 2)
      : 1 - factor * betaFraction(y, 0.5, n / 2) / 0.5
  }

  /// The distance from 0 that a variable of Student's distribution exceeds, on either side, with
  /// the probability `tails` in (0, 1): 2.776 for 0.05 and 4 degrees of freedom.
  public static func studentQuantile(tails: Double, degrees: Int) -> Double {
    precondition(tails > 0 && tails < 1)
    // Student's tails are heavier than the normal distribution's, so this is below the quantile.
    // The slope of the probability becomes ever flatter, so Newton's steps approach the quantile
    // from below without overshoot, until rounding ends them.
    var t = max(0, -normalQuantile(tails / 2) * 0.999)
    let n = Double(degrees)
    let scale = n.squareRoot() * beta(halves: degrees)
    while true {
      let density = exp(-(n + 1) / 2 * log(1 + t * t / n)) / scale
      let next = t + (studentTails(t, degrees: degrees) - tails) / (2 * density)
      guard next > t else { return t }
      t = next
    }
  }

  /// B(n/2, 1/2), from B(1/2, 1/2) = π or B(1, 1/2) = 2 by B(a + 1, b) = B(a, b) · a / (a + b)
  /// (DLMF 5.12.1 with 5.5.1).
  private static func beta(halves n: Int) -> Double {
    var a = n % 2 == 0 ? 1.0 : 0.5
    var beta = n % 2 == 0 ? 2.0 : Double.pi
    while a < Double(n) / 2 {
      beta *= a / (a + 0.5)
      a += 1
    }
    return beta
  }

  /// The continued fraction of the incomplete beta function, DLMF 8.17.22, evaluated from front to
  /// back by Lentz's method (Thompson & Barnett 1986).
  private static func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
    let tiny = 1e-300
    func away(_ value: Double) -> Double { value.magnitude < tiny ? tiny : value }
    var c = 1.0
    var d = 1 / away(1 - (a + b) * x / (a + 1))
    var result = d
    for step in 1...10_000 {
      let m = Double(step)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / away(1 + even * d)
      c = away(1 + even / c)
      result *= d * c
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / away(1 + odd * d)
      c = away(1 + odd / c)
      result *= d * c
      if (d * c - 1).magnitude < 1e-15 { break }
    }
    return result
  }
}
