import CLinux
import Glibc
import Testing

@Suite struct SchedulingTests {
  @Test("Preferring throughput changes the scheduling of that thread and of the threads it starts")
  func batch() {
    let before = sched_getscheduler(0)
    var policies: [Int32] = []
    withUnsafeMutablePointer(to: &policies) { policies in
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { argument in
          linux_prefer_throughput()
          argument!.assumingMemoryBound(to: [Int32].self).pointee.append(sched_getscheduler(0))
          var inner = pthread_t()
          pthread_create(
            &inner, nil,
            { argument in
              argument!.assumingMemoryBound(to: [Int32].self).pointee.append(sched_getscheduler(0))
              return nil
            }, argument)
          pthread_join(inner, nil)
          return nil
        }, policies)
      pthread_join(thread, nil)
    }
    // 3 is SCHED_BATCH.
    #expect(policies == [3, 3])
    #expect(sched_getscheduler(0) == before)
  }
}
