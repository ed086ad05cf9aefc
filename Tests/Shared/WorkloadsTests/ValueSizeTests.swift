import Primitives
import Testing
import Workloads

@Suite struct ValueSizeTests {
  private static let sizes: [ValueSize] = [
    .uniform(64...4096), .uniform(9...9), .lognormal(median: 1024, sigma: 1),
    .lognormal(median: 500_000, sigma: 2), .lognormal(median: 300, sigma: 0),
    .weighted([.init(size: 100, weight: 9), .init(size: 65_536, weight: 1)]),
  ]

  private func draws(_ size: ValueSize, _ count: Int = 20_000) -> [Int] {
    var random = RandomStream(seed: 5)
    return (0..<count).map { _ in size.draw(&random) }
  }

  @Test("The mean of draws is the mean of the distribution", arguments: sizes)
  func mean(size: ValueSize) {
    let draws = draws(size)
    let mean = Double(draws.reduce(0, +)) / Double(draws.count)
    #expect(abs(mean / size.mean - 1) < 0.05, "\(mean) against \(size.mean)")
    #expect(draws.allSatisfy { (ValueSize.smallest...size.upperBound).contains($0) })
  }

  @Test("Half of the lognormal sizes are below the median, and extreme ones stay within limits")
  func lognormal() {
    let draws = draws(.lognormal(median: 1024, sigma: 1))
    #expect(abs(draws.count { $0 < 1024 } - 10_000) < 300)
    let wide = Set(self.draws(.lognormal(median: 100_000, sigma: 3)))
    #expect(wide.min() == ValueSize.smallest && wide.max() == ValueSize.largest)
  }

  @Test("Weighted sizes have their shares, and a size without weight never occurs")
  func weighted() {
    let size = ValueSize.weighted([
      .init(size: 10, weight: 0), .init(size: 20, weight: 3), .init(size: 30, weight: 1),
      .init(size: 40, weight: 0),
    ])
    let draws = draws(size)
    #expect(Set(draws) == [20, 30] && abs(draws.count { $0 == 20 } - 15_000) < 300)
  }

  @Test("A fixed size draws no number")
  func fixed() {
    var random = RandomStream(seed: 1)
    #expect(ValueSize.fixed(99).draw(&random) == 99)
    var untouched = RandomStream(seed: 1)
    #expect(random.next() == untouched.next())
  }
}
