/// The counts of a histogram without its empty buckets. It takes a few kilobytes, and the histogram
/// itself 280. The counts stay exact, so that histograms of stored trials can still be merged.
package struct SparseHistogram: Sendable, Equatable {
  /// In ascending order.
  private var buckets: [UInt16] = []
  /// The counts of `buckets`; every count is above 0.
  private var counts: [UInt64] = []
  private var sum = 0.0
  private var least = Int64.max
  private var most = Int64.min

  package init() {}

  package init(_ histogram: Histogram) {
    for (bucket, n) in histogram.counts.enumerated() where n > 0 {
      buckets.append(UInt16(bucket))
      counts.append(n)
    }
    (sum, least, most) = (histogram.sum, histogram.least, histogram.most)
  }

  fileprivate func add(to histogram: inout Histogram) {
    guard !buckets.isEmpty else { return }
    for (bucket, n) in zip(buckets, counts) {
      histogram.counts[Int(bucket)] &+= n
      histogram.recorded += Int(n)
    }
    histogram.sum += sum
    histogram.least = min(histogram.least, least)
    histogram.most = max(histogram.most, most)
  }
}

extension Histogram {
  package mutating func merge(_ other: SparseHistogram) { other.add(to: &self) }

  /// Whether `count` values are enough to estimate a percentile: at least ten of them must lie
  /// beyond it. The minimum and the maximum are observed values, so they always count as resolved.
  package static func isResolved(percentile: Double, count: Int) -> Bool {
    guard percentile > 0, percentile < 100 else { return true }
    // The tolerance is needed because 100 - 99.9 is slightly below 0.1, and 10,000 values are
    // enough for the percentile 99.9.
    return Double(count) * (100 - percentile) >= 1_000 * (1 - 1e-9)
  }
}

/// Encoded as one line of numbers: sum, minimum, maximum, and then for each bucket its distance
/// from the bucket before and its count. The line is empty if there are no values.
extension SparseHistogram: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let words = try container.decode(String.self).split(separator: " ")
    guard !words.isEmpty else { return }
    func damaged() -> DecodingError {
      DecodingError.dataCorruptedError(in: container, debugDescription: "not a histogram")
    }
    guard words.count >= 5, words.count % 2 == 1, let sum = Double(words[0]),
      let least = Int64(words[1]), let most = Int64(words[2])
    else { throw damaged() }
    (self.sum, self.least, self.most) = (sum, least, most)
    var bucket = 0
    for index in stride(from: 3, to: words.count, by: 2) {
      guard let gap = UInt16(words[index]), let count = UInt64(words[index + 1]), count > 0
      else { throw damaged() }
      bucket += Int(gap)
      guard bucket < Histogram.buckets else { throw damaged() }
      buckets.append(UInt16(bucket))
      counts.append(count)
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var words: [String] = []
    if !buckets.isEmpty {
      words = ["\(sum)", String(least), String(most)]
      var last: UInt16 = 0
      for (bucket, count) in zip(buckets, counts) {
        words.append(String(bucket - last))
        words.append(String(count))
        last = bucket
      }
    }
    var container = encoder.singleValueContainer()
    try container.encode(words.joined(separator: " "))
  }
}
