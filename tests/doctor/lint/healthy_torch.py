"""Healthy PyTorch sources, and some that nobody can judge: the linter must say nothing about any of them."""

SOURCES = {
    "logits into CrossEntropyLoss": """
        model = nn.Sequential(nn.Linear(2, 3))
        loss = nn.CrossEntropyLoss()(model(x), y)
    """,
    "softmax in predict only": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(2, 3)
            def forward(self, x):
                return self.fc(x)
            def predict(self, x):
                return F.softmax(self(x), dim=1)
        net = Net()
        loss = F.cross_entropy(net(x), y)
        p = net.predict(x)
    """,
    "probabilities beside the loss": """
        logits = net(x)
        probs = F.softmax(logits, dim=1)
        loss = F.cross_entropy(logits, y)
        best = probs.argmax(dim=1)
    """,
    "log_softmax and NLLLoss; log_softmax and cross-entropy": """
        model = nn.Sequential(nn.Linear(2, 3), nn.LogSoftmax(dim=1))
        a = nn.NLLLoss()(model(x), y)
        b = F.nll_loss(F.log_softmax(z, dim=1), y)
        c = F.cross_entropy(F.log_softmax(z, dim=1), y)
    """,
    "softmax inside, for attention": """
        class Attention(nn.Module):
            def __init__(self):
                super().__init__()
                self.score = nn.Sequential(nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 1), nn.Softmax(dim=1))
                self.fc = nn.Linear(8, 3)
            def forward(self, h):
                a = self.score(h)
                b = F.softmax(nn.Linear(8, 1)(h), dim=1)
                return self.fc((a * h).sum(1))
        loss = nn.CrossEntropyLoss()(Attention()(x), y)
    """,
    "softmax when not training": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(2, 3)
            def forward(self, x):
                x = self.fc(x)
                if not self.training:
                    x = F.softmax(x, dim=1)
                return x
        class Other(Net):
            def forward(self, x):
                x = self.fc(x)
                if self.training:
                    return x
                return F.softmax(x, dim=1)
        a = F.cross_entropy(Net()(x), y)
        b = F.cross_entropy(Other()(x), y)
    """,
    "by a flag": """
        model = [nn.Linear(2, 3)]
        if probabilities:
            model.append(nn.Softmax(dim=1))
        model = nn.Sequential(*model)
        criterion = nn.NLLLoss() if probabilities else nn.CrossEntropyLoss()
        loss = criterion(model(x), y)
        act = nn.Softmax(dim=1) if probabilities else nn.Identity()
        F.cross_entropy(act(z), y)
    """,
    "names that are assigned again": """
        out = F.softmax(z, dim=1)
        show(out)
        out = net(x)
        loss = F.cross_entropy(out, y)
        criterion = nn.BCELoss()
        criterion = nn.CrossEntropyLoss()
        def later(m, x, y):
            return criterion(torch.sigmoid(m(x)), y)
    """,
    "names that change in a loop": """
        out = F.softmax(z, dim=1)
        for x, y in loader:
            out = refine(out)
            loss = F.cross_entropy(out, y)
        for x in loader:
            if done:
                h = torch.sigmoid(x)
                break
            h = None
        F.binary_cross_entropy_with_logits(h, y)
    """,
    "try": """
        try:
            out = F.softmax(z, dim=1)
        except RuntimeError:
            out = z
        F.cross_entropy(out, y)
    """,
    "global names": """
        out = F.softmax(z, dim=1)
        def change():
            global out
            out = z
        change()
        F.cross_entropy(out, y)
    """,
    "two heads": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(2, 3), nn.Linear(2, 1)
            def forward(self, x):
                return self.a(x), torch.sigmoid(self.b(x))
        classes, seen = Net()(x)
        loss = F.cross_entropy(classes, y) + F.binary_cross_entropy(seen, z)
    """,
    "the head is replaced": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))
            def forward(self, x):
                return self.fc(x)
        net = Net()
        net.fc = nn.Linear(2, 3)
        loss = F.cross_entropy(net(x), y)
        chain = nn.Sequential(nn.Linear(2, 3), nn.Softmax(1))
        chain[1] = nn.Identity()
        loss = F.cross_entropy(chain(x), y)
    """,
    "a function that takes the softmax off": """
        def strip(model):
            model[-1] = nn.Identity()
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.act = nn.Softmax(dim=1)
            def forward(self, x):
                return self.act(x)
        def bare(net):
            net.act = nn.Identity()
        chain = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))
        strip(chain)
        loss = F.cross_entropy(chain(x), y)
        cut = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))[:-1]
        loss = F.cross_entropy(cut(x), y)
        net = Net()
        bare(net)
        loss = F.cross_entropy(net(x), y)
    """,
    "in place": """
        a = nn.Linear(2, 1)(x)
        a.sigmoid_()
        F.binary_cross_entropy(a, y)
        b = nn.Linear(2, 1)(x)
        torch.sigmoid_(b)
        F.binary_cross_entropy(b, y)
        c = nn.Linear(2, 1)(x)
        c[:, 0] = torch.sigmoid(c[:, 0])
        F.binary_cross_entropy(c, y)
        d = torch.sigmoid(z)
        d *= z
        F.binary_cross_entropy_with_logits(d, y)
    """,
    "trained on the Brier score": """
        loss = F.mse_loss(F.softmax(z, 1), F.one_hot(y, 3).float())
        loss.backward()
    """,
    "functions that call themselves": """
        fact = lambda n: fact(n - 1)
        def again(x):
            return again(F.softmax(x, dim=1))
        F.cross_entropy(again(x), y)
        F.cross_entropy(fact(3), y)
    """,
    "losses from a dictionary": """
        LOSSES = {"ce": nn.CrossEntropyLoss, "mse": nn.MSELoss, "bce": nn.BCELoss}
        def make(name, **settings):
            return LOSSES[name](**settings)
        criterion = make(args.loss)
        kind = nn.CrossEntropyLoss
        criterion = kind(weights, size_average)
    """,
    "loss classes with settings by position": """
        class Loss2d(nn.Module):
            def __init__(self, weight=None, size_average=True):
                super().__init__()
                self.nll = nn.NLLLoss(weight, size_average)
            def forward(self, inputs, targets):
                return self.nll(F.log_softmax(inputs, dim=1), targets)
    """,
    "focal loss": """
        class FocalLoss(nn.Module):
            def forward(self, inputs, targets):
                bce = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
                p = torch.exp(-bce)
                return ((1 - p) ** 2 * bce).mean()
        loss = FocalLoss()(nn.Linear(2, 1)(x), y)
    """,
    "distillation, autoencoder, Brier score": """
        def distil(student, teacher, T):
            soft = F.mse_loss(F.softmax(student, 1), F.softmax(teacher, 1))
            kl = F.kl_div(F.log_softmax(student / T, dim=1), F.softmax(teacher / T, dim=1), reduction="batchmean")
            cross = F.cross_entropy(student, F.softmax(teacher, dim=1))
            return soft + kl + cross
        auto = nn.Sequential(nn.Linear(9, 2), nn.ReLU(), nn.Linear(2, 9), nn.Sigmoid())
        loss = nn.MSELoss()(auto(x), x)
        loss.backward()
        brier = F.mse_loss(F.softmax(z, 1), F.one_hot(y, 3).float()).item()
    """,
    "multiple choice: one score per choice": """
        class Choice(nn.Module):
            def __init__(self):
                super().__init__()
                self.score = nn.Linear(8, 1)
            def forward(self, x):
                return self.score(x).view(-1, 4)
        loss = F.cross_entropy(Choice()(x), y)
        pairs = F.cross_entropy(nn.Linear(8, 1)(x).squeeze(-1), y)
    """,
    "ReLU, pooling, loss": """
        squeeze = nn.Sequential(nn.Conv2d(8, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        loss = F.cross_entropy(squeeze(x), y)
    """,
    "argmax for a metric": """
        pred = net(x).argmax(1)
        error = F.l1_loss(pred.float(), y.float())
        print(error.item())
    """,
    "log of guarded probabilities": """
        p = F.softmax(x, dim=1)
        entropy = -(p * torch.log(p + 1e-8)).sum(1)
        other = -(p * torch.log(p.clamp(min=1e-6))).sum(1)
        x = x - x.max(dim=1, keepdim=True)[0]
        stable = x - torch.log(torch.exp(x).sum(1, keepdim=True))
    """,
    "class weights that fit, of unknown length, on unknown layers": """
        a = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))(nn.Linear(3, 2)(x), y)
        b = nn.CrossEntropyLoss(weight=torch.tensor(w))(nn.Linear(3, 2)(x), y)
        c = nn.CrossEntropyLoss(torch.tensor([1.0, 2.0]))(net(x), y)
    """,
    "pseudo-labels and right order": """
        a = F.cross_entropy(output, target)
        b = F.cross_entropy(logits, y_pred)
        c = F.mse_loss(target, output)
        d = F.cross_entropy(target_logits, labels)
        y = net(x)
        e = F.cross_entropy(y, t)
    """,
    "a base class of another file": """
        from elsewhere import Base
        class Net(Base):
            def loss(self, x, y):
                return F.cross_entropy(self(x), y)
    """,
    "generators and decorators": """
        def outputs():
            yield F.softmax(z, 1)
        @cached
        def probabilities(x):
            return F.softmax(x, 1)
        F.cross_entropy(outputs(), y)
        F.cross_entropy(probabilities(x), y)
    """,
    "a shadowed name": """
        def step(F, nn, x, y):
            return F.cross_entropy(F.softmax(x), y)
    """,
    "zero_grad every k steps": """
        optimizer = torch.optim.Adam(model.parameters())
        for i, (x, y) in enumerate(loader):
            (loss_of(x, y) / 4).backward()
            if (i + 1) % 4 == 0:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
    """,
    "zero_grad of the model; gradients set to None": """
        def a(model, optimizer, loader):
            for x in loader:
                model.zero_grad()
                model(x).backward()
                optimizer.step()
        def b(model, optimizer, loader):
            for x in loader:
                for p in model.parameters():
                    p.grad = None
                model(x).backward()
                optimizer.step()
    """,
    "zero_grad in a helper": """
        def update(opt):
            opt.step()
            reset(opt)
        def reset(opt):
            opt.zero_grad()
        class Trainer:
            def __init__(self, model):
                self.optimizer = torch.optim.SGD(model.parameters(), lr=1)
            def clear(self):
                self.optimizer.zero_grad()
            def fit(self, loader):
                for x in loader:
                    self.model(x).backward()
                    self.optimizer.step()
                    self.clear()
        def train(model, loader, optimizer):
            for x in loader:
                prepare()
                model(x).backward()
                optimizer.step()
        def prepare():
            reset(optimizer)
    """,
    "the optimizer is handed over": """
        from elsewhere import prepare
        def train(model, loader, optimizer):
            for x in loader:
                prepare(optimizer)
                model(x).backward()
                optimizer.step()
    """,
    "a wrapped optimizer, LBFGS, one step, fresh parameters": """
        from elsewhere import Wrapped
        opt = Wrapped(torch.optim.SGD(model.parameters(), lr=1))
        for x in loader:
            model(x).backward()
            opt.step()
        lbfgs = torch.optim.LBFGS(model.parameters())
        for x in loader:
            def closure():
                loss = model(x)
                loss.backward()
                return loss
            lbfgs.step(closure)
        once = torch.optim.SGD(model.parameters(), lr=1)
        model(x).backward()
        once.step()
        for seed in range(3):
            net = make(seed)
            fresh = torch.optim.SGD(net.parameters(), lr=1)
            net(x).backward()
            fresh.step()
    """,
    "Lightning and Hugging Face": """
        import lightning as L
        from transformers import Trainer
        class Lit(L.LightningModule):
            def training_step(self, batch, i):
                return F.cross_entropy(self(batch[0]), batch[1])
            def configure_optimizers(self):
                return torch.optim.Adam(self.parameters())
        trainer = Trainer(model=model, args=args)
        trainer.train()
    """,
    "something else named step and backward": """
        for x in loader:
            env.step()
            node.backward()
            scheduler.step()
    """,
}
