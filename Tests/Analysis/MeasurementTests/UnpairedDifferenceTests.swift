import Measurement
import Primitives
import Testing

@Suite struct UnpairedDifferenceTests {
  @Test("Welch's interval of two samples equals values computed by hand")
  func byHand() throws {
    // Means 5 and 2, variances 10/3 and 2/3 of four values each: the error is 1, and the degrees of
    // freedom are 300/72 rounded down to 4.
    let difference = UnpairedDifference([3, 4, 6, 7], [1, 2, 2, 3])
    #expect(difference.mean == 3)
    let error = (10.0 / 3 / 4 + 2.0 / 3 / 4).squareRoot()
    #expect(error == 1)
    let low = try #require(difference.low)
    let high = try #require(difference.high)
    // Student's 97.5 % quantile with 4 degrees of freedom is 2.776.
    #expect(abs(low - 0.2235) < 0.001 && abs(high - 5.7765) < 0.001)
    let p = try #require(difference.p)
    #expect(abs(p - 0.0399) < 0.001)
  }

  @Test("Samples of the same distribution are called different in about one of twenty cases")
  func sameThing() {
    var random = RandomStream(seed: 5)
    var different = 0
    let runs = 2_000
    for _ in 0..<runs {
      func sample(_ n: Int) -> [Double?] {
        (0..<n).map { _ in RealFunctions.normalQuantile(max(random.unit(), 1e-12)) }
      }
      let p = UnpairedDifference(sample(5), sample(8).map { $0.map { $0 * 3 } }).p ?? 0
      if p < 0.05 { different += 1 }
    }
    #expect(different < runs * 6 / 100, "\(different)")
    #expect(different > runs * 3 / 100, "\(different)")
  }

  @Test("Too few values give no result, and equal values give no difference")
  func few() {
    let two = UnpairedDifference([1, 2], [3, 4, 5])
    #expect(two.mean == -2.5 && two.p == nil && two.low != nil)
    let one = UnpairedDifference([1], [3])
    #expect(one.mean == -2 && one.low == nil && one.p == nil)
    #expect(UnpairedDifference([nil], [3]).mean == nil)
    let equal = UnpairedDifference([2, 2, 2], [2, 2, 2])
    #expect(equal.mean == 0 && equal.p == 1)
    #expect(UnpairedDifference([2, 2, 2], [3, 3, 3]).p == 0)
  }
}
