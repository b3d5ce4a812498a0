"""Faulty PyTorch sources; the line of each finding carries its code."""

FAULTY = {
    "softmax in forward, then CrossEntropyLoss": """
        class Net(nn.Module):
            def __init__(self, classes):
                super().__init__()
                self.fc = nn.Linear(10, classes)

            def forward(self, x):
                return F.softmax(self.fc(x), dim=1)

        net = Net(3)
        criterion = nn.CrossEntropyLoss()
        loss = criterion(net(x), y)  #: OUT02
    """,
    "softmax at the end of a Sequential": """
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(dim=1))
        loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
        out = model(x)
        print(loss_fn(out, y).item())  #: OUT02
    """,
    "softmax as a function of torch, method or alias": """
        from torch.nn.functional import cross_entropy as ce, softmax as sm
        def a(logits, y):
            return ce(sm(logits, -1), y)  #: OUT02
        def b(logits, y):
            p = torch.softmax(logits, dim=1)
            return F.cross_entropy(p, y)  #: OUT02
        def c(logits, y):
            return F.cross_entropy(logits.softmax(dim=1), y)  #: OUT02
        def d(logits, y):
            p = nn.Softmax(dim=1)(logits)
            return nn.CrossEntropyLoss()(p.float(), y.long())  #: OUT02
    """,
    "sigmoid before BCEWithLogits": """
        class Net(nn.Module):
            def __init__(self):
                super(Net, self).__init__()
                self.features = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
                self.head = nn.Linear(3, 1)
                self.act = nn.Sigmoid()

            def forward(self, x):
                x = self.features(x)
                x = self.head(x)
                x = self.act(x)
                return x.view(-1)

        def train(model, criterion, loader):
            for x, y in loader:
                out = model(x)
                loss = criterion(out, y)  #: OUT02
                loss.backward()

        train(Net().cuda(), nn.BCEWithLogitsLoss(pos_weight=w), loader)
    """,
    "a Lightning module": """
        import pytorch_lightning as pl
        class Lit(pl.LightningModule):
            def __init__(self):
                super().__init__()
                self.net = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=-1))
                self.loss = nn.CrossEntropyLoss()

            def forward(self, x):
                return self.net(x)

            def training_step(self, batch, batch_idx):
                x, y = batch
                return self.loss(self(x), y)  #: OUT02

            def validation_step(self, batch, batch_idx):
                x, y = batch
                y_hat = self.forward(x)
                self.log("val", F.cross_entropy(y_hat, y))  #: OUT02
    """,
    "lossmith's own face": """
        import lossmith.torch as lt
        loss = lt.CrossEntropyLoss()(torch.softmax(x, 1), y)  #: OUT02
        import lossmith as lm
        value = lm.softmax_cross_entropy(torch.softmax(x, 1), y)  #: OUT02
    """,
    "optax and tensorflow on logits": """
        import jax, optax
        import tensorflow as tf
        a = optax.softmax_cross_entropy_with_integer_labels(jax.nn.softmax(z), y)  #: OUT02
        b = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=tf.nn.sigmoid(z))  #: OUT02
    """,
    "BCELoss on a linear layer": """
        model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
        loss = nn.BCELoss()(model(x), y)  #: OUT03
    """,
    "BCELoss on tanh": """
        def step(x, y):
            out = torch.tanh(x)
            return F.binary_cross_entropy(out, y)  #: OUT03
    """,
    "binary loss on softmax rows": """
        model = nn.Sequential(nn.Linear(3, 5), nn.Softmax(dim=1))
        loss = nn.BCELoss()(model(x), y)  #: OUT05
    """,
    "cross-entropy over one unit": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(3, 1)
            def forward(self, x):
                return self.fc(x)
        loss = nn.CrossEntropyLoss()(Net()(x), y)  #: OUT06
    """,
    "softmax over one unit": """
        model = nn.Sequential(nn.Linear(3, 1), nn.Softmax(dim=1))
        loss = nn.MSELoss()(model(x), y)  #: OUT01
        other = nn.Sequential(nn.Linear(3, 1), nn.Softmax(dim=-1))
        out = other(x)  #: OUT01
    """,
    "rectified logits": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(3, 4)
            def forward(self, x):
                return F.relu(self.fc(x))
        net = Net()
        loss = F.cross_entropy(net(x), y)  #: OUT08
    """,
    "NLLLoss on probabilities and on scores": """
        model = nn.Sequential(nn.Linear(3, 4), nn.Softmax(dim=1))
        a = nn.NLLLoss()(model(x), y)  #: OUT11
        bare = nn.Linear(3, 4)
        b = F.nll_loss(bare(x), y)  #: OUT11
    """,
    "KL divergence": """
        def distil(student, teacher, T):
            a = F.kl_div(F.softmax(student, dim=1), F.softmax(teacher, dim=1))  #: OUT11
            b = F.kl_div(F.log_softmax(student, dim=1), F.log_softmax(teacher, dim=1))  #: OUT11
            c = nn.KLDivLoss(log_target=True)(F.log_softmax(student, 1), F.softmax(teacher, 1))  #: OUT11
            return a + b + c
    """,
    "the class instead of an object": """
        criterion = nn.CrossEntropyLoss
        net = nn.Linear(2, 3)
        loss = criterion(net(x), y)  #: OUT12
    """,
    "the class called with data and trained": """
        def step(outputs, labels):
            loss = nn.MSELoss(outputs, labels)  #: OUT12
            loss.backward()
    """,
    "swapped arguments": """
        net = nn.Linear(2, 3)
        a = F.cross_entropy(y, net(x))  #: OUT13
        def step(logits, labels):
            return F.binary_cross_entropy_with_logits(labels, logits)  #: OUT13
    """,
    "dropout before the loss": """
        model = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5))
        loss = nn.CrossEntropyLoss()(model(x), y)  #: OUT16
    """,
    "class weights of another length": """
        model = nn.Sequential(nn.Linear(2, 10))
        criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]))
        loss = criterion(model(x), y)  #: OUT19
    """,
    "loss of argmax": """
        def a(out, y):
            pred = out.argmax(dim=1)
            loss = F.mse_loss(pred.float(), y.float())  #: OUT20
            loss.backward()
        def b(out, y):
            _, pred = torch.max(out, 1)
            loss = nn.L1Loss()(pred.float(), y)  #: OUT20
            (loss / 4).backward()
    """,
    "squared error on one-hot targets": """
        loss = F.mse_loss(net(x), F.one_hot(y, 10).float())  #: OUT09
        loss.backward()
    """,
    "log of softmax and sigmoid": """
        def a(x):
            return -torch.log(F.softmax(x, dim=1))  #: NUM02
        def b(x):
            p = torch.sigmoid(x)
            return -(torch.log(p) + torch.log(1 - p))  #: NUM02 #: NUM02
        def c(x):
            return x.softmax(1).log()  #: NUM02
        def d(x):
            return x - torch.log(torch.exp(x).sum(dim=1, keepdim=True))  #: NUM02
        def e(x):
            return torch.log(torch.exp(x) / torch.sum(torch.exp(x)))  #: NUM02
    """,
    "log of softmax, and then NLLLoss is right": """
        loss = F.nll_loss(torch.log(torch.softmax(x, 1)), y)  #: NUM02
    """,
    "no zero_grad in a script": """
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for epoch in range(10):
            for x, y in loader:
                loss = F.mse_loss(model(x), y)
                loss.backward()  #: OPT10
                optimizer.step()
    """,
    "no zero_grad, a scheduler beside the optimizer": """
        def train(model, loader):
            optim = torch.optim.AdamW(params=model.parameters())
            scheduler = torch.optim.lr_scheduler.StepLR(optim, 10)
            while True:
                for x in loader:
                    model(x).backward()  #: OPT10
                    scheduler.step()
                    optim.step()
    """,
    "no zero_grad in a function": """
        def train(model, loader, optimizer, criterion):
            model.train()
            for x, y in loader:
                loss = criterion(model(x), y)
                loss.backward()  #: OPT10
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
    """,
    "no zero_grad in a class, with a scaler": """
        from torch.optim import AdamW
        class Trainer:
            def __init__(self, model):
                self.model = model
                self.opt = AdamW(model.parameters())
                self.scaler = torch.amp.GradScaler()
            def fit(self, loader):
                for x, y in loader:
                    loss = self.model(x, y)
                    self.scaler.scale(loss).backward()  #: OPT10
                    self.scaler.step(self.opt)
                    self.scaler.update()
    """,
    "OrderedDict, a list of layers, add": """
        from collections import OrderedDict
        a = nn.Sequential(OrderedDict([("fc", nn.Linear(2, 3)), ("act", nn.Softmax(dim=1))]))
        F.cross_entropy(a(x), y)  #: OUT02
        parts = [nn.Linear(2, 3)]
        parts.append(nn.Softmax(dim=1))
        b = nn.Sequential(*parts)
        F.cross_entropy(b(x), y)  #: OUT02
        c = nn.Sequential(*unknown(), nn.Linear(2, 3), nn.Softmax(1))
        F.cross_entropy(c(x), y)  #: OUT02
    """,
    "both arms agree": """
        def forward(x, fancy):
            if fancy:
                z = F.softmax(x, dim=1)
            else:
                z = F.softmax(x, dim=1)
            return z
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(2, 3)
                self.soft = nn.Softmax(dim=1)
            def forward(self, x):
                for _ in range(3):
                    x = F.relu(x)
                return self.soft(self.fc(x))
        net = torch.compile(nn.DataParallel(Net().to("cuda")))
        while True:
            F.cross_entropy(net(x), y)  #: OUT02
    """,
    "one-hot rows for losses that take indices": """
        def nll(model, x, y):
            hot = F.one_hot(y, 5).float()
            return F.nll_loss(F.log_softmax(model(x), dim=1), hot)  #: LAB02
        loss = nn.MultiMarginLoss()(model(x), torch.nn.functional.one_hot(y))  #: LAB02
    """,
}
