#pragma once

namespace sip {

/// A place in a circular list of objects that stay where they are; the head of the list is one,
/// too. Joining, leaving and handing a whole list over take no memory and no search. What goes
/// leaves.
class Linked {
public:
    Linked() = default;
    Linked(const Linked&) = delete;
    Linked& operator=(const Linked&) = delete;
    ~Linked() { leave(); }

    /// In no list; or, of a head: the list is empty.
    bool alone() const { return next_ == this; }
    Linked* next() const { return next_; }
    /// Leaves its list, if it is in one, and becomes the last of `head`'s.
    void join(Linked& head) {
        leave();
        previous_ = head.previous_;
        next_ = &head;
        previous_->next_ = this;
        head.previous_ = this;
    }
    void leave() {
        previous_->next_ = next_;
        next_->previous_ = previous_;
        previous_ = next_ = this;
    }
    /// This head takes over all that follows `other`, behind what it has.
    void take_all(Linked& other) {
        if (other.alone()) return;
        other.next_->previous_ = previous_;
        previous_->next_ = other.next_;
        other.previous_->next_ = this;
        previous_ = other.previous_;
        other.previous_ = other.next_ = &other;
    }

private:
    Linked* previous_ = this;
    Linked* next_ = this;
};

}  // namespace sip
