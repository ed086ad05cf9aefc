import Measurement
import Testing

@Suite struct StatisticsTests {
  @Test("The interval holds the mean, is the same every time, and narrows with more trials")
  func interval() throws {
    let few: [Double?] = [9, 10, 11, 12, 8]
    let estimate = Estimate(few, seed: 3)
    #expect(estimate.mean == 10 && estimate.count == 5)
    let low = try #require(estimate.low)
    let high = try #require(estimate.high)
    #expect(low >= 8 && low < 10 && high > 10 && high <= 12)
    #expect(estimate == Estimate(few, seed: 3))
    let many = Estimate((0..<20).flatMap { _ in few }, seed: 3)
    #expect(many.high! - many.low! < (high - low) / 3)
  }

  @Test("One trial has no interval, none has no mean, and what is not a number is left out")
  func small() {
    let one = Estimate([4])
    #expect(one.mean == 4 && one.low == nil && one.high == nil)
    #expect(Estimate([]).mean == nil)
    let odd = Estimate([nil, .nan, .infinity, 2, 4])
    #expect(odd.count == 2 && odd.mean == 3)
  }

  @Test("Equal values give a point")
  func equal() {
    let estimate = Estimate([0.1, 0.1, 0.1, 0.1])
    #expect(estimate.mean == 0.1 && estimate.low == 0.1 && estimate.high == 0.1)
  }

  @Test("Rounding never takes an interval beyond the values it is made of")
  func withinValues() {
    for (round, outlier) in [0.1, 0.3, 185.7, 742.1, 1e3 / 3].enumerated() {
      for zeros in 1...8 {
        let sample = Array(repeating: 0.0, count: zeros) + [outlier]
        let estimate = Estimate(sample, seed: UInt64(round))
        #expect(estimate.low! >= 0 && estimate.high! <= outlier)
      }
    }
  }

  @Test("About 95 of 100 intervals hold the true mean when trials are many")
  func coverage() {
    var state: UInt64 = 1
    var held = 0
    for round in 0..<100 {
      let sample: [Double?] = (0..<40).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) * 0x1p-53
      }
      let estimate = Estimate(sample, seed: UInt64(round))
      if estimate.low! <= 0.5 && estimate.high! >= 0.5 { held += 1 }
    }
    #expect((87...99).contains(held))
  }

  @Test("Pairs show a small difference that the spread between seeds would hide")
  func paired() {
    let first: [Double?] = [10, 20, 30, 40, 50]
    let second: [Double?] = [9, 19.2, 28.9, 39.1, 48.8]
    #expect(PairedDifference(first, second).isDifferent)
    #expect(!PairedDifference(first, [11, 19, 31, 39, 50]).isDifferent)
    #expect(!PairedDifference([1], [2]).isDifferent)
    #expect(PairedDifference([1, nil, 3], [nil, 2, 2]).estimate.count == 1)
  }
}
