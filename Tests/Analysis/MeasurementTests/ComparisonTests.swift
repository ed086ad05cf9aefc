import Primitives
import Testing

@testable import Measurement

@Suite struct ComparisonTests {
  private func isDifferent(_ difference: PairedDifference) -> Bool {
    difference.p.map { $0 < PairedDifference.level } ?? false
  }

  @Test("Pairs show a small difference that the variation between seeds would hide")
  func paired() {
    let first: [Double?] = [10, 20, 30, 40, 50]
    let second: [Double?] = [9, 19.2, 28.9, 39.1, 48.8]
    let difference = PairedDifference(first, second)
    #expect(isDifferent(difference) && difference.estimate.low! > 0)
    #expect(!isDifferent(PairedDifference(first, [11, 19, 31, 39, 50])))
    #expect(PairedDifference([1, nil, 3], [nil, 2, 2]).estimate.count == 1)
    #expect(difference.p == PairedDifference(second, first).p)
  }

  @Test("The p-value is below 5 % exactly if the interval excludes zero")
  func agreement() {
    var draws = Draws(seed: 1)
    for _ in 0..<500 {
      let values: [Double?] = (0..<5).map { _ in draws.next(.normal) - 9 }
      let difference = PairedDifference(values, [0, 0, 0, 0, 0])
      let excludesZero = difference.estimate.low! > 0 || difference.estimate.high! < 0
      #expect(isDifferent(difference) == excludesZero)
    }
  }

  @Test("Fewer than three pairs are never called different, however far apart")
  func few() {
    for test in [PairedDifference.Test.studentT, .sign] {
      #expect(PairedDifference([1, 1], [100, 101], test: test).p == nil)
      #expect(PairedDifference([], [], test: test).p == nil)
      #expect(PairedDifference([1, 1, 1], [2, 2, 2], test: test).p != nil)
    }
  }

  @Test("Equal differences have no spread: three may be chance, four are significant")
  func noSpread() {
    #expect(PairedDifference([1, 2, 3], [2, 3, 4]).p! == 0.0625)
    #expect(PairedDifference([1, 2, 3, 4], [2, 3, 4, 5]).p! == 0.015625)
    // Also with rounding errors.
    #expect(PairedDifference([0.1, 0.2, 0.3], [0.2, 0.3, 0.4]).p! == 0.0625)
    #expect(PairedDifference([0.1 + 0.2, 1, 2], [0.3, 1, 2]).p! == 1)
  }

  @Test(
    "The sign test counts how often equal protocols would be as one-sided",
    arguments: [
      (5, 5, 0.0625), (6, 6, 0.03125), (10, 9, 22.0 / 1024), (4, 2, 1), (0, 0, 1), (3, 2, 1),
      (1, 1, 1),
    ] as [(Int, Int, Double)])
  func sign(n: Int, most: Int, expected: Double) {
    #expect(abs(PairedDifference.sign(of: n, most: most) - expected) < 1e-12)
  }

  @Test("The sign test leaves equal pairs out, and ignores the size of the differences")
  func signOfValues() {
    let ones = [Double?](repeating: 1, count: 9)
    let lower: [Double?] = [0.1, 0.999, 0.99, 1, 1, 0.5, 0.9, 0.9, 1]
    #expect(abs(PairedDifference(ones, lower, test: .sign).p! - 0.03125) < 1e-12)
    #expect(PairedDifference.sign(of: 3_000, most: 3_000) == 0)
    let even = PairedDifference.sign(of: 3_000, most: 1_501)
    #expect(even > 0.95 && even <= 1)
  }

  // The example of Holm 1979, with the steps 4, 3, 2, 1.
  @Test("Holm's correction multiplies the smallest p by all, the next by one less, and never falls")
  func holm() {
    #expect(Holm.corrected([0.01, 0.04, 0.03, 0.005]) == [0.03, 0.06, 0.06, 0.02])
    #expect(Holm.corrected([nil, 0.5, nil, 0.75]) == [nil, 1, nil, 1])
    #expect(Holm.corrected([]) == [] && Holm.corrected([0.04]) == [0.04])
  }

  @Test("The suggested number of trials separates two protocols in about four of five cases")
  func trialsToResolve() throws {
    // Differences of 1 with a spread of 2.
    let few: [Double?] = [3.4, -1.4, 1, 1 + 2 * 1.0392, 1 - 2 * 1.0392]
    let hint = PairedDifference(few, [0, 0, 0, 0, 0])
    let trials = try #require(hint.trialsToResolve(level: 0.05))
    var draws = Draws(seed: 5)
    var told = 0
    for _ in 0..<400 {
      let values: [Double?] = (0..<trials).map { _ in
        1 + hint.estimate.deviation! * (draws.next(.normal) - 10)
      }
      if isDifferent(PairedDifference(values, values.map { _ in 0 })) { told += 1 }
    }
    #expect((300...340).contains(told), "\(trials) trials: \(told) of 400")
    #expect(hint.trialsToResolve(level: 0.005)! > trials)
    #expect(PairedDifference([1, -1, 0.001], [0, 0, 0]).trialsToResolve(level: 0.05) == nil)
    #expect(PairedDifference([1, 2], [0, 0]).trialsToResolve(level: 0.05) == nil)
    #expect(PairedDifference([1, 1, 1], [0, 0, 0]).trialsToResolve(level: 0.05) == 4)
    let sign = PairedDifference([1, 1, 1, 1, 1], [0, 0, 0, 0, 0.5], test: .sign)
    #expect(sign.trialsToResolve(level: 0.05 / 12) == 9)
  }

  // MARK: The same against itself

  /// The share of families in which any comparison of equals is called different.
  private func falseAlarms(
    _ n: Int, comparisons: Int = 1, _ test: PairedDifference.Test = .studentT,
    _ draw: (inout Draws) -> Double
  ) -> Double {
    var draws = Draws(seed: UInt64(n))
    let families = 2_000
    let alarms = (0..<families).count { _ in
      let values = (0..<comparisons).map { _ in
        PairedDifference(
          (0..<n).map { _ in draw(&draws) }, (0..<n).map { _ in draw(&draws) }, test: test
        ).p
      }
      return Holm.corrected(values).contains { $0! < PairedDifference.level }
    }
    return Double(alarms) / Double(families)
  }

  @Test(
    "Equal protocols are called different in at most 6 % of cases", arguments: [3, 5, 10])
  func sameAgainstItself(n: Int) {
    #expect(falseAlarms(n) { $0.next(.normal) } <= 0.06)
    #expect(falseAlarms(n) { $0.next(.normal) } >= 0.04)
    #expect(falseAlarms(n) { $0.next(.logNormal) } <= 0.06)
    #expect(falseAlarms(n) { $0.next(.zeroInflated) } <= 0.06)
    // Values in steps, such as times counted in windows, or of two kinds.
    for steps in [2.0, 3, 5] {
      #expect(falseAlarms(n) { ($0.uniform() * steps).rounded(.down) } <= 0.06)
    }
    #expect(falseAlarms(n) { ($0.uniform() < 0.5 ? 1 : 0) + 0.01 * $0.uniform() } <= 0.06)
    #expect(falseAlarms(n, .sign) { $0.next(.shareNearOne) } <= 0.06)
  }

  @Test("A family of twelve comparisons is wrong no more often than one", arguments: [3, 5, 10])
  func family(n: Int) {
    #expect(falseAlarms(n, comparisons: 12) { $0.next(.normal) } <= 0.06)
  }
}
