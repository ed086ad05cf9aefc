import Foundation
import Replication
import Testing

@testable import Primitives

@Suite struct RealFunctionsTests {
  /// |a - b| as a share of |b|.
  func error(_ a: Double, _ b: Double) -> Double { a == b ? 0 : abs(a - b) / abs(b) }

  @Test("exp is within 10⁻¹⁴ over the whole range, also where the argument is large")
  func exponential() {
    for step in -7080...7097 {
      let x = Double(step) / 10 + 0.0317
      #expect(error(RealFunctions.exp(x), Foundation.exp(x)) < 1e-14, "exp(\(x))")
    }
    #expect(RealFunctions.exp(0) == 1)
    #expect(RealFunctions.exp(709.782) < .infinity)
    #expect(RealFunctions.exp(709.79) == .infinity && RealFunctions.exp(1e300) == .infinity)
    #expect(RealFunctions.exp(-745) > 0 && RealFunctions.exp(-746) == 0)
    #expect(RealFunctions.exp(-.infinity) == 0 && RealFunctions.exp(.nan).isNaN)
  }

  @Test("log is within 10⁻¹⁵ from the smallest to the largest number")
  func logarithm() {
    var x = Double.leastNonzeroMagnitude
    while x < 1e308 {
      #expect(error(RealFunctions.log(x), Foundation.log(x)) < 1e-15, "log(\(x))")
      x *= 7.3
    }
    for step in 900...1100 {
      let x = Double(step) / 1000
      #expect(abs(RealFunctions.log(x) - Foundation.log(x)) < 1e-15, "log(\(x))")
    }
    #expect(RealFunctions.log(1) == 0)
    #expect(RealFunctions.log(0) == -.infinity && RealFunctions.log(.infinity) == .infinity)
    #expect(RealFunctions.log(-1).isNaN && RealFunctions.log(.nan).isNaN)
    #expect(abs(RealFunctions.log10(1000) - 3) < 1e-15)
  }

  @Test("Powers are within 10⁻¹³ in the range that distributions use")
  func powers() {
    for base in [1e-9, 0.01, 0.5, 0.99, 1, 2, 10, 1e10] {
      for exponent in [-1.99, -0.99, -0.5, 0.01, 0.5, 0.99, 1, 3] {
        #expect(
          error(RealFunctions.pow(base, exponent), Foundation.pow(base, exponent)) < 1e-13,
          "pow(\(base), \(exponent))")
      }
    }
    #expect(RealFunctions.pow(0, 0.5) == 0 && RealFunctions.pow(0, 0) == 1)
  }

  @Test("Normal quantiles are those of the tables, and symmetric")
  func quantiles() {
    let table: [(Double, Double)] = [
      (0.5, 0), (0.8413447460685429, 1), (0.975, 1.959963984540054), (0.99, 2.3263478740408408),
      (0.999, 3.090232306167813), (0.9999, 3.719016485455709), (1e-6, -4.753424308822899),
      (1e-12, -7.034483825301132),
    ]
    for (probability, value) in table {
      #expect(
        abs(RealFunctions.normalQuantile(probability) - value) <= 1.2e-9 * max(abs(value), 1),
        "\(probability)")
    }
    for step in 1..<1000 {
      let probability = Double(step) / 1000
      let quantile = RealFunctions.normalQuantile(probability)
      #expect(abs(quantile + RealFunctions.normalQuantile(1 - probability)) < 1e-8)
      // Back through the error function of the C library.
      #expect(abs(erfc(-quantile / 2.0.squareRoot()) / 2 - probability) < 1e-9)
    }
  }
}
