import Environments
import Primitives
import Replication
import Stubs
import Testing

@testable import Simulation

@Suite struct EventQueueTests {
  @Test("Events come out in order of time, and those of equal times in order of insertion")
  func order() {
    var queue = EventQueue<Int>()
    var random = RandomStream(seed: 1)
    var reference: [(time: Instant, number: Int)] = []
    for number in 0..<5000 {
      let time = Instant(nanoseconds: Int64(random.below(200)))
      queue.push(number, at: time)
      reference.append((time, number))
      if random.chance(0.4) {
        let first = reference.indices.min {
          (reference[$0].time, reference[$0].number) < (reference[$1].time, reference[$1].number)
        }!
        let time = queue.nextTime
        let number = queue.pop()
        if time != reference[first].time || number != reference[first].number {
          Issue.record("\(number) came out instead of \(reference[first])")
        }
        reference.remove(at: first)
      }
      if reference.count > 60 {
        reference.sort { ($0.time, $0.number) < ($1.time, $1.number) }
        for expected in reference where queue.pop() != expected.number { Issue.record("order") }
        reference.removeAll()
      }
    }
    while !queue.isEmpty { _ = queue.pop() }
  }

  final class Token {}

  @Test("Payloads are released when they come out, and with the queue")
  func release() {
    weak var first: Token?
    weak var second: Token?
    do {
      var queue = EventQueue<Token>()
      for number in 0..<1000 {
        let token = Token()
        if number == 0 { first = token }
        if number == 900 { second = token }
        queue.push(token, at: Instant(nanoseconds: Int64(number)))
      }
      #expect(first != nil && second != nil)
      _ = queue.pop()
      #expect(first == nil && second != nil)
    }
    #expect(second == nil)
  }
}

@Suite struct LatencySamplerTests {
  func draw(_ distribution: DelayDistribution) -> [Double] {
    let sampler = LatencySampler(distribution)
    var random = RandomStream(seed: 9)
    return (0..<20_000).map { _ in Double(sampler.next(&random).nanoseconds) }.sorted()
  }

  func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  @Test("A constant is constant, and a uniform draw covers its range")
  func simple() {
    #expect(Set(draw(.constant(.microseconds(5)))) == [5000])
    let uniform = draw(.uniform(.microseconds(100)...(.microseconds(300))))
    #expect(uniform.first! >= 100_000 && uniform.last! <= 300_000)
    #expect(uniform.first! < 101_000 && uniform.last! > 299_000)
    #expect(abs(mean(uniform) - 200_000) < 2500)
  }

  @Test("Normal, lognormal and exponential draws have their mean, median and spread")
  func shapes() {
    let normal = draw(.normal(mean: .microseconds(100), deviation: .microseconds(10)))
    #expect(abs(mean(normal) - 100_000) < 400 && abs(normal[10_000] - 100_000) < 500)
    #expect(abs(normal[Int(20_000 * 0.8413)] - 110_000) < 600)
    let cut = draw(.normal(mean: .zero, deviation: .microseconds(10)))
    #expect(cut.first! == 0 && cut[9000] == 0 && cut[11_000] > 0)
    let lognormal = draw(.lognormal(median: .milliseconds(1), sigma: 0.5))
    #expect(abs(lognormal[10_000] - 1e6) < 20_000)
    #expect(abs(mean(lognormal) - 1e6 * RealFunctions.exp(0.125)) < 20_000)
    #expect(lognormal.last! > 1e6 * RealFunctions.exp(0.5 * 3.4))
    let exponential = draw(.exponential(minimum: .milliseconds(1), mean: .milliseconds(2)))
    #expect(exponential.first! >= 1e6 && abs(mean(exponential) - 3e6) < 70_000)
    #expect(abs(exponential[10_000] - (1e6 + 2e6 * 0.6931)) < 50_000)
  }

  @Test("The ends of the unit interval have quantiles")
  func ends() {
    for distribution: DelayDistribution in [
      .normal(mean: .milliseconds(1), deviation: .milliseconds(1)),
      .lognormal(median: .milliseconds(1), sigma: 1),
      .exponential(minimum: .zero, mean: .milliseconds(1)),
    ] {
      let sampler = LatencySampler(distribution)
      let last = sampler.value(of: .max)
      #expect(last > .milliseconds(5) && last <= .seconds(3_600))
      #expect(sampler.value(of: 0) >= .zero)
    }
  }
}
