#pragma once

#include <array>
#include <set>
#include <string>
#include <vector>

#include "sip/registrar/registrar.hpp"
#include "sip/stack.hpp"
#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"

struct TestDirectory final : sip::Directory {
    std::set<std::string, std::less<>> addresses{"alice@example.com", "bob@example.com"};
    bool exists(std::string_view address) const override { return addresses.contains(address); }
};

struct TestListener final : sip::RegistrationListener {
    std::vector<std::string> told;
    void registrations_changed(const sip::Now&, std::string_view address) override {
        told.emplace_back(address);
    }
};

struct RegistrarWorld {
    explicit RegistrarWorld(const sip::StackOptions& options = {},
                            sip::Registrar::Options registrar_options = {})
        : stack(options, entropy),
          registrar(stack.core(), directory, listener, with_domains(registrar_options)),
          world(stack) {
        constexpr std::array methods{sip::Method::register_};
        registrar.attach_as(stack.attach(registrar, methods));
        stack.set_supported(supported);
    }
    static sip::Registrar::Options with_domains(sip::Registrar::Options options) {
        options.domains = domains;
        return options;
    }
    RawRequest request(const std::vector<std::string>& contacts) {
        RawRequest made{"REGISTER", "sip:example.com"};
        made.to = "<sip:alice@example.com>";
        made.cseq = ++cseq;
        for (const std::string& contact : contacts) made.with("Contact: " + contact);
        return made;
    }
    RawMessage add(const std::vector<std::string>& contacts, const std::string& field = {}) {
        RawRequest made = request(contacts);
        if (!field.empty()) made.with(field);
        return world.ask(made);
    }
    std::vector<std::string> contacts(std::string_view address = "alice@example.com") {
        std::vector<std::string> found;
        registrar.for_each(address, [&](const sip::Registrar::Binding& binding) {
            found.emplace_back(binding.contact);
        });
        return found;
    }

    static constexpr std::array<std::string_view, 1> supported{"path"}, domains{"example.com"};
    SeededEntropy entropy{7};
    TestDirectory directory;
    TestListener listener;
    sip::Stack stack;
    sip::Registrar registrar;
    RawWorld<sip::Stack> world;
    unsigned cseq = 0;
};
