import Replication
import Testing

@testable import Primitives

@Suite struct RandomStreamTests {
  @Test("SplitMix64 gives the published values for the seed 1234567")
  func splitMix() {
    var state: UInt64 = 1_234_567
    let drawn = (0..<5).map { _ in RandomStream.splitMix64(&state) }
    #expect(
      drawn == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
        4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
      ])
  }

  @Test("xoshiro256** gives the published values for the state 1, 2, 3, 4")
  func xoshiro() {
    var random = RandomStream(state: (1, 2, 3, 4))
    let drawn = (0..<10).map { _ in random.next() }
    #expect(
      drawn == [
        11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360,
        607_988_272_756_665_600, 16_172_922_978_634_559_625, 8_476_171_486_693_032_832,
        10_595_114_339_597_558_777, 2_904_607_092_377_533_576,
      ])
  }

  @Test("SplitMix64 makes the state from a seed")
  func seeding() {
    var random = RandomStream(seed: 42)
    #expect(random.next() == 1_546_998_764_402_558_742)
    #expect(random.next() == 6_990_951_692_964_543_102)
    #expect(random.next() == 12_544_586_762_248_559_009)
  }

  @Test("Streams of different labels or seeds differ, and equal ones are equal")
  func labels() {
    var firsts: Set<UInt64> = []
    for seed in 0..<20 as Range<UInt64> {
      for label in 0..<20 as Range<UInt64> {
        var a = RandomStream(seed: seed, label: label)
        var b = RandomStream(seed: seed, label: label)
        let first = a.next()
        #expect(first == b.next())
        firsts.insert(first)
      }
    }
    #expect(firsts.count == 400)
  }

  @Test("The stream of a purpose is that of its label, and its nth stream is (n + 1) · 2³² further")
  func purposes() {
    var drawn = RandomStream(seed: 9, purpose: .faults)
    var expected = RandomStream(seed: 9, label: 0xFA17)
    #expect(drawn.next() == expected.next())
    drawn = RandomStream(seed: 9, purpose: .disks, number: 2)
    expected = RandomStream(seed: 9, label: 0x3_0000_D15C)
    #expect(drawn.next() == expected.next())
  }

  @Test("Draws below a bound are uniform", arguments: [2, 7, 10, 100])
  func uniform(bound: Int) {
    var random = RandomStream(seed: 3)
    var counts = Array(repeating: 0, count: bound)
    let draws = 20_000
    for _ in 0..<draws { counts[random.below(bound)] += 1 }
    let expected = Double(draws) / Double(bound)
    let chiSquare = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) }
    // The mean is `bound - 1` and the variance twice that: the limit is five standard deviations.
    let freedom = Double(bound - 1)
    #expect(chiSquare / expected < freedom + 5 * (2 * freedom).squareRoot() + 3)
  }

  @Test("Unit draws cover [0, 1) evenly, and chances have their frequency")
  func units() {
    var random = RandomStream(seed: 4)
    let units = (0..<20_000).map { _ in random.unit() }
    #expect(units.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(units.reduce(0, +) / 20_000 - 0.5) < 0.01)
    #expect(units.contains { $0 < 0.001 } && units.contains { $0 > 0.999 })
    let hits = (0..<20_000).filter { _ in random.chance(0.1) }.count
    #expect(abs(hits - 2000) < 5 * 43)
    #expect(!random.chance(0) && random.chance(1))
  }

  @Test("Both ends of an interval can be drawn; a range of one value needs no draw")
  func intervals() {
    var random = RandomStream(seed: 5)
    let range = Interval.nanoseconds(3)...(.nanoseconds(6))
    let drawn = Set((0..<200).map { _ in random.interval(in: range).nanoseconds })
    #expect(drawn == [3, 4, 5, 6])
    var a = RandomStream(seed: 6)
    var b = a
    #expect(a.interval(in: .seconds(1)...(.seconds(1))) == .seconds(1))
    #expect(a.next() == b.next())
    #expect(a.below(1) == 0)
  }
}
