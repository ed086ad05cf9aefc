import Foundation
import Replication
import Testing

@testable import Primitives

@Suite struct RealFunctionsTests {
  /// |a - b| as a share of |b|.
  func error(_ a: Double, _ b: Double) -> Double { a == b ? 0 : abs(a - b) / abs(b) }

  @Test("exp is within 10⁻¹⁴ over the whole range, also for large arguments")
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

  /// The numbers that a seed draws follow from these bits.
  @Test("The bits of exp and log are those of every earlier version")
  func bits() {
    var random = RandomStream(seed: 1)
    var hash: UInt64 = 0
    func add(_ x: Double) { hash = (hash ^ x.bitPattern) &* 1_099_511_628_211 }
    for _ in 0..<10_000 {
      let unit = random.unit()
      add(RealFunctions.exp((unit - 0.5) * 1_500))
      add(RealFunctions.exp(unit - 0.5))
      add(RealFunctions.log(unit))
      add(RealFunctions.log(Double(bitPattern: random.next() >> 2)))
    }
    // Halves of the unit in which exp counts, and their neighbours.
    for step in -1075...1024 {
      let half = (Double(step) + 0.5) * 0x1.62E4_2FEEp-1
      for x in [half.nextDown, half, half.nextUp] { add(RealFunctions.exp(x)) }
    }
    for x in [Double.leastNonzeroMagnitude, .leastNormalMagnitude.nextDown] {
      add(RealFunctions.log(x))
    }
    #expect(hash == 0x0F1D_6B47_AC90_7932)
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

  @Test("Normal quantiles equal those of the tables, and are symmetric")
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
      // Checked with the error function of the C library.
      #expect(abs(erfc(-quantile / 2.0.squareRoot()) / 2 - probability) < 1e-9)
    }
  }

  // The expected values here and below were computed with 40 digits.
  @Test(
    "The tails of Student's t equal those of the tables, also far out",
    arguments: [
      (12.706, 1, 0.050000802358133188),
      (4.303, 2, 0.049992524985214502),
      (2.776, 4, 0.050022778319976412),
      (1.0, 7, 0.35061666282020753),
      (0.01, 3, 0.99264911141285198),
      (25.0, 9, 1.2589450378990368e-9),
      (2.0, 500, 0.046040682769031443),
      (1000.0, 2, 9.999985000025e-7),
      (60.0, 30, 8.3113096135322487e-33),
    ] as [(Double, Int, Double)])
  func studentTails(t: Double, degrees: Int, expected: Double) {
    #expect(error(RealFunctions.studentTails(t, degrees: degrees), expected) < 1e-12)
    #expect(error(RealFunctions.studentTails(-t, degrees: degrees), expected) < 1e-12)
  }

  @Test(
    "The quantiles of Student's t equal those of the tables",
    arguments: [
      (0.05, 1, 12.7062047361747),
      (0.05, 2, 4.302652729749464),
      (0.05, 4, 2.776445105197794),
      (0.01, 9, 3.249835541592126),
      (0.05, 19, 2.09302405440831),
      (0.001, 3, 12.92397863668748),
      (0.004, 4, 5.951372849088098),
      (0.05, 1000, 1.962339080826408),
      (0.9, 5, 0.1321751752316873),
    ] as [(Double, Int, Double)])
  func studentQuantile(tails: Double, degrees: Int, expected: Double) {
    #expect(
      error(RealFunctions.studentQuantile(tails: tails, degrees: degrees), expected) < 1e-11)
  }

  @Test("Student's t is exact at its limits, and is the arc tangent for one degree of freedom")
  func studentEnds() {
    #expect(RealFunctions.studentTails(0, degrees: 4) == 1)
    #expect(RealFunctions.studentTails(.infinity, degrees: 4) == 0)
    #expect(RealFunctions.studentTails(.nan, degrees: 4).isNaN)
    for step in 1...400 {
      let t = Double(step) * 0.0503
      let exact = 1 - atan(t) * 2 / .pi
      #expect(abs(RealFunctions.studentTails(t, degrees: 1) - exact) < 1e-14)
    }
  }
}
