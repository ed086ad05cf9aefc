/// The decimal logarithm of a positive finite number, within 1e-15 relative to the larger of 1 and the
/// result; nil for anything else. Only additions, products and one division of `Double`s, so the same
/// on every machine, which the C library's is not.
public func decimalLogarithm(_ x: Double) -> Double? {
  guard x > 0, x.isFinite else { return nil }
  var mantissa = x.significand
  var exponent = Double(x.exponent)
  if mantissa > 1.414_213_562_373_095_1 {
    mantissa /= 2
    exponent += 1
  }
  // ln m = 2 artanh z with |z| <= 0.172, so that 12 terms of the series are enough.
  let z = (mantissa - 1) / (mantissa + 1)
  let square = z * z
  var series = 0.0
  var odd = 23.0
  while odd >= 1 {
    series = series * square + 1 / odd
    odd -= 2
  }
  let naturalOfTwo = 0.693_147_180_559_945_3
  let naturalOfTen = 2.302_585_092_994_046
  return (exponent * naturalOfTwo + 2 * z * series) / naturalOfTen
}
