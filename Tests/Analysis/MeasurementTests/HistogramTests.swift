import Foundation
import Replication
import Testing

@testable import Measurement

@Suite struct HistogramTests {
  private func numbers(_ count: Int, seed: UInt64, below bound: Int64) -> [Int64] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let shift = state >> 58 & 31
      return Int64((state >> 20) >> shift) % bound
    }
  }

  @Test(
    "Percentiles equal those of the sorted values, within 0.1 %", arguments: [1, 2, 7, 100, 5_000])
  func percentiles(count: Int) throws {
    var values = numbers(count, seed: UInt64(count), below: 3_600_000_000_000)
    var histogram = Histogram()
    for value in values { histogram.record(value) }
    values.sort()
    for p in [0, 0.1, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100] {
      let rank = max(1, Int((p * Double(count) / 100 - 1e-9).rounded(.up)))
      let exact = values[rank - 1]
      let found = try #require(histogram.percentile(p)).nanoseconds
      #expect(found >= exact)
      #expect(Double(found - exact) <= Double(exact) * 0.001)
    }
    #expect(histogram.percentile(100)?.nanoseconds == values.last)
    #expect(histogram.percentile(0)?.nanoseconds == values.first)
    #expect(histogram.minimum?.nanoseconds == values.first)
    #expect(histogram.maximum?.nanoseconds == values.last)
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(count)
    #expect(abs(histogram.mean! - mean) <= 1e-9 * mean)
  }

  @Test("Every bucket ends directly before the next one, up to an hour and beyond")
  func buckets() {
    for bucket in 0..<Histogram.buckets {
      let end = Histogram.upperEnd(of: bucket)
      #expect(Histogram.bucket(of: end) == bucket)
      if end < Histogram.largestNs { #expect(Histogram.bucket(of: end + 1) == bucket + 1) }
    }
    var histogram = Histogram()
    histogram.record(.max)
    histogram.record(-5)
    #expect(histogram.percentile(100) == .nanoseconds(.max))
    #expect(histogram.percentile(50) == .zero)
  }

  @Test("An empty histogram has no numbers")
  func empty() {
    let histogram = Histogram()
    #expect(histogram.percentile(50) == nil && histogram.mean == nil)
    #expect(histogram.minimum == nil && histogram.maximum == nil)
  }

  @Test("Merging adds counts, as if all values were recorded in one histogram")
  func merge() {
    var (a, b, both) = (Histogram(), Histogram(), Histogram())
    for value in numbers(1_000, seed: 1, below: 1_000_000) {
      a.record(value)
      both.record(value)
    }
    for value in numbers(500, seed: 2, below: 1_000) {
      b.record(value)
      both.record(value)
    }
    a.merge(b)
    a.merge(Histogram())
    #expect(a == both)
  }

  @Test("Coordinated omission: 9,999 answers of 1 ms, one stall of 100 s, a request every 10 ms")
  func coordinatedOmission() throws {
    let ms: Int64 = 1_000_000
    var naive = Histogram()
    var corrected = Histogram()
    for i in 0..<10_000 {
      let value = i == 9_999 ? 100_000 * ms : ms
      naive.record(value)
      corrected.record(value, expectedIntervalNs: 10 * ms)
    }
    func near(_ value: Interval?, _ expected: Int64) -> Bool {
      abs(Double(value!.nanoseconds - expected)) <= Double(expected) * 0.001
    }
    #expect(near(naive.percentile(99), ms))
    #expect(corrected.count == 19_999)
    #expect(near(corrected.percentile(50), 10 * ms))
    #expect(near(corrected.percentile(75), 50_010 * ms))
    #expect(abs(corrected.mean! / 1e9 - 25.0) < 0.01)
  }
}

@Suite struct StoredLatencyTests {
  private func histogram(_ values: some Sequence<Int64>) -> Histogram {
    var histogram = Histogram()
    for value in values { histogram.record(value) }
    return histogram
  }

  @Test("A stored histogram merges like the histogram itself, also after reading it from a file")
  func sparse() throws {
    let values = (1...3_000).map { Int64($0) * Int64($0) * 977 } + [0, .max, 7, 7]
    let sparse = SparseHistogram(histogram(values))
    let data = try JSONEncoder().encode([sparse, SparseHistogram()])
    let back = try JSONDecoder().decode([SparseHistogram].self, from: data)
    #expect(back == [sparse, SparseHistogram()])
    var merged = histogram([5])
    for part in back { merged.merge(part) }
    var expected = histogram([5])
    expected.merge(histogram(values))
    #expect(merged == expected)
    #expect(data.count < 30_000)
  }

  @Test(
    "Malformed histograms are refused",
    arguments: ["x", "1 2 3", "1.5 2 3 4", "1.5 2 3 4 0", "1.5 2 3 40000 1", "1.5 2 3 35839 1 1 1"])
  func damaged(text: String) {
    let data = Data("[\"\(text)\"]".utf8)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([SparseHistogram].self, from: data)
    }
  }

  @Test("Percentiles of several trials are those of all their operations, never means")
  func pooled() {
    var pool = LatencyDistribution()
    for values in [(1...990).map { _ in 1_000 }, (1...10).map { _ in 900_000 }] as [[Int64]] {
      let stored = StoredLatency(LatencyDistribution(answered: histogram(values)))
      pool.merge(LatencyDistribution(stored))
    }
    #expect(pool.percentile(99)?.time.nanoseconds == 1_000)
    #expect(pool.percentile(100)?.time.nanoseconds == 900_000)
    #expect(pool.count == 1_000 && pool.mean == 9_990)
  }

  @Test("Operations without an answer count as slowest, and make a percentile a bound")
  func censored() {
    let pool = LatencyDistribution(
      StoredLatency(
        LatencyDistribution(
          answered: histogram((1...90).map { $0 }), open: histogram([400, 400]),
          abandoned: histogram((1...8).map { _ in 300 }))))
    func value(_ percentile: Double) -> [Int64] {
      let value = pool.percentile(percentile)!
      return [value.time.nanoseconds, value.isLowerBound ? 1 : 0]
    }
    #expect(value(0) == [1, 0] && value(50) == [50, 0] && value(90) == [90, 0])
    #expect(value(91) == [400, 1] && value(100) == [400, 1])
    #expect(pool.count == 100 && pool.censored == 10)
  }

  @Test("A percentile is resolved if ten values lie beyond it")
  func resolved() {
    for (percentile, least) in [
      (50.0, 20), (95, 200), (99, 1_000), (99.9, 10_000), (99.99, 100_000),
    ] {
      #expect(Histogram.isResolved(percentile: percentile, count: least))
      #expect(!Histogram.isResolved(percentile: percentile, count: least - 1))
    }
    #expect(Histogram.isResolved(percentile: 100, count: 1))
  }
}
