/// Elementary functions built only from operations that IEEE 754 defines exactly. Those of the C
/// library differ between versions, and the same seed must give the same bytes on every machine.
public enum RealFunctions {
  // ln 2 as a sum. The high part ends in 32 zero bits, so that its product with any exponent of a
  // `Double` is exact.
  private static let ln2High = 0x1.62E4_2FEEp-1
  private static let ln2Low = 0x1.A39E_F357_93C76p-33

  /// What is added to a quotient before its fraction is cut off, to round it to the nearest number.
  /// With 1/2, the sum of the largest quotient below 1/2 would be rounded to 1.
  private static let almostHalf = 0x1.FFFF_FFFF_FFFF_Fp-2

  /// e to the power of `x`, with a relative error below 10⁻¹⁴ for results in the normal range.
  public static func exp(_ x: Double) -> Double {
    guard x == x else { return x }
    if x > 709.7828 { return .infinity }
    if x < -745 { return 0 }
    let quotient = x / ln2High
    let doublings = Int(quotient + (quotient < 0 ? -almostHalf : almostHalf))
    let rest = (x - Double(doublings) * ln2High) - Double(doublings) * ln2Low
    // Taylor's series: |rest| ≤ ln 2 / 2, so the 14th term is below 2 · 10⁻¹⁷. The compiler unrolls
    // the loop and computes the reciprocals.
    var sum = 1.0
    var term = 14
    while term > 0 {
      sum = 1 + rest * (1 / Double(term)) * sum
      term -= 1
    }
    return scale(sum, by: doublings)
  }

  /// The natural logarithm, with an absolute error below 10⁻¹⁵ near 1 and a relative one elsewhere.
  public static func log(_ x: Double) -> Double {
    guard x > 0 else { return x == 0 ? -.infinity : .nan }
    guard x.isFinite else { return x }
    // Numbers that are too small for the normal form are brought into it.
    let isSmall = x < .leastNormalMagnitude
    let bits = (isSmall ? x * 0x1p54 : x).bitPattern
    var exponent = Double(Int(bits >> 52) - (isSmall ? 1023 + 54 : 1023))
    var significand = Double(bitPattern: bits & 0xF_FFFF_FFFF_FFFF | 1023 << 52)
    if significand > 1.414_213_562_373_095 {
      significand /= 2
      exponent += 1
    }
    // log(m) = 2 artanh((m - 1) / (m + 1)); |z| ≤ 0.172, so z²ⁿ⁺¹ vanishes after 12 terms.
    let z = (significand - 1) / (significand + 1)
    let square = z * z
    var sum = 0.0
    var odd = 23
    while odd > 0 {
      sum = sum * square + 1 / Double(odd)
      odd -= 2
    }
    return exponent * ln2High + (2 * z * sum + exponent * ln2Low)
  }

  public static func log10(_ x: Double) -> Double { log(x) / 2.302_585_092_994_045_7 }

  /// `base` to the power of `exponent`, for a positive base.
  public static func pow(_ base: Double, _ exponent: Double) -> Double {
    exponent == 0 ? 1 : base == 0 ? 0 : exp(exponent * log(base))
  }

  /// The value below which a standard normal variable lies with the given probability in (0, 1):
  /// Acklam's rational approximation, relative error below 1.2 · 10⁻⁹.
  public static func normalQuantile(_ probability: Double) -> Double {
    let a = [
      -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02,
      1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239e+00,
    ]
    let b = [
      -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
      6.680131188771972e+01, -1.328068155288572e+01, 1,
    ]
    let c = [
      -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
      -2.549732539343734e+00, 4.374664141464968e+00, 2.938163982698783e+00,
    ]
    let d = [
      7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00,
      1,
    ]
    func polynomial(_ coefficients: [Double], _ x: Double) -> Double {
      coefficients.reduce(0) { $0 * x + $1 }
    }
    let tail = 0.02425
    if probability < tail {
      let q = (-2 * log(probability)).squareRoot()
      return polynomial(c, q) / polynomial(d, q)
    }
    if probability > 1 - tail { return -normalQuantile(1 - probability) }
    let q = probability - 0.5
    let r = q * q
    return polynomial(a, r) * q / polynomial(b, r)
  }

  private static func scale(_ x: Double, by doublings: Int) -> Double {
    if -1022...1023 ~= doublings {
      return x * Double(bitPattern: UInt64(doublings + 1023) << 52)
    }
    return doublings < -1022
      ? x * 0x1p-1022 * Double(sign: .plus, exponent: max(doublings + 1022, -100), significand: 1)
      : x * Double(sign: .plus, exponent: min(doublings, 1023), significand: 1)
        * (doublings > 1023 ? 2 : 1)
  }
}
